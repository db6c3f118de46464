import type { NewMessage, SessionError } from '../../session/index.js'
import { newId } from '../../session/internal.js'
import { emit } from '../events/emit.js'
import { findChat } from '../find-chat.js'

/**
 * The names of fields that become part of a message. Fields that begin with `data.` are the message's data. Other fields, such as a CSRF
 * token, are not sent.
 */
const FIELD = /^(to|body|id|data\..+)$/

/** Returns the message of a form; undefined if only the site's backend can handle the form. */
const messageOf = (
  form: HTMLFormElement,
  submitter: Element | null,
): (NewMessage & { body: string }) | undefined => {
  const name = submitter?.getAttribute('name')
  // If the button names another address or method, or has a name that is no field of a message, the submit is for the backend.
  if (['formaction', 'formmethod'].some((attribute) => submitter?.hasAttribute(attribute))) return undefined
  if (name && !FIELD.test(name)) return undefined
  const fields = new FormData(form)
  if (name) fields.set(name, submitter?.getAttribute('value') ?? '')
  const entries = [...fields]
  // A form with a chosen file is for the backend. If no file is chosen, the name of the value is empty.
  if (entries.some(([, value]) => typeof value !== 'string' && value.name)) return undefined
  const { to, body, id, ...others } = Object.fromEntries(
    // A file field without a chosen file is left out.
    entries.filter(([key, value]) => FIELD.test(key) && typeof value === 'string'),
  ) as Record<string, string | undefined>
  if (!to || !body) return undefined
  const data = Object.fromEntries(
    Object.entries(others).map(([key, value]) => [key.slice('data.'.length), value]),
  )
  return {
    to,
    body,
    id: id || newId(),
    ...(Object.keys(data).length && { data }),
  }
}

/** Returns the form's fields. They may be anywhere in the page (`form="ID"`). A field named `elements` would hide `form.elements`. */
const fieldsOf = (form: HTMLFormElement): HTMLInputElement[] => [
  ...(Reflect.get(HTMLFormElement.prototype, 'elements', form) as Iterable<HTMLInputElement>),
]

/** Returns a field of the form. `namedItem` of `form.elements` is not used, because it also finds a field by its id. */
const fieldOf = (form: HTMLFormElement, name: string): HTMLInputElement | undefined =>
  fieldsOf(form).find((field) => field.name === name)

const setField = (form: HTMLFormElement, name: string, value: string): void => {
  const field = fieldOf(form, name)
  if (field) field.value = value
}

const valueOf = (form: HTMLFormElement, name: string): string | undefined => fieldOf(form, name)?.value

/**
 * Resets the form. Returns a function that puts the recipient and the data back. If one of them has changed since the reset, both belong to
 * the next message, and the function does nothing.
 */
const resetForm = (form: HTMLFormElement): (() => void) => {
  const fields = fieldsOf(form).filter(({ name }) => FIELD.test(name) && name !== 'body' && name !== 'id')
  const read = (): [string, boolean][] => fields.map(({ value, checked }) => [value, checked])
  const chosen = read()
  // A field named `reset` would hide `form.reset`.
  HTMLFormElement.prototype.reset.call(form)
  const initial = String(read())
  return () => {
    if (String(read()) === initial)
      fields.forEach((field, index) => ([field.value, field.checked] = chosen[index] ?? ['', false]))
  }
}

/** Sends a form's message in place of its submit, unless the page has prevented the submit. */
const submit = (event: Event): void => {
  const { target, submitter } = event as SubmitEvent
  if (event.defaultPrevented || !(target instanceof HTMLFormElement)) return
  const appId = target.getAttribute('data-chat-session')
  const session = appId === null ? undefined : findChat(target, appId)?.session
  if (!session || !['active', 'reconnecting'].includes(session.state)) return
  const message = messageOf(target, submitter)
  if (!message) return
  event.preventDefault()
  const putBack = resetForm(target)
  // A text field may begin with a text of the page. The value of any other field is no text that could come back.
  const field = fieldOf(target, 'body')
  const initial = field && /^text(area)?$/.test(field.type) && field.value
  const nextId = newId()
  setField(target, 'id', nextId)
  session.send(message).then(
    (sent) => target.dispatchEvent(new CustomEvent('session-sent', { composed: true, detail: sent })),
    (reason: unknown) => {
      // `send` rejects with nothing else. This part has no class to check it by (`attach-part.ts`).
      const error = reason as SessionError
      // Puts the message back, unless the user has begun another text. Because of its id the message is never stored twice. The reset has
      // set the recipient that the form had initially, so `putBack` puts the recipient of the message back.
      const text = valueOf(target, 'body')
      if (!text || text === initial) {
        putBack()
        setField(target, 'body', message.body)
        if (error.code !== 'conflict') setField(target, 'id', message.id ?? nextId)
      }
      emit(target, 'session-error', { error })
    },
  )
}

/**
 * Sends the messages of the forms in `root` from now on. For a document it listens on the window, which gets an event last. So the page's
 * listeners can prevent the submit.
 */
export const listenToForms = (root: Node): void =>
  (root instanceof ShadowRoot ? root : window).addEventListener('submit', submit)
