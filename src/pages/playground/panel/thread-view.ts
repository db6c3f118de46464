import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { Message } from '../../../session/index.js'
import { helpFor } from '../error-help.js'
import type { OutgoingMessage } from './thread.js'
import type { Panel } from './panel.js'

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

/** The offset of the first unread message: the newest `unread` messages from others are unread. */
const firstUnreadOf = (messages: readonly Message[], me: string | undefined, unread: number): number => {
  const received = messages.filter(({ from }) => from !== me)
  return unread ? (received.at(-Math.min(unread, received.length))?.offset ?? Infinity) : Infinity
}

const nameOf = ({ peers }: Panel, id: string): string => peers.find((peer) => peer.id === id)?.name ?? id

const stored = (panel: Panel, message: Message, firstUnread: number): TemplateResult => {
  const { offset, from, to, sender, body, data, sentAt } = message
  const isMine = from === panel.session.view.user?.id
  return html`<li class=${isMine ? 'mine' : 'theirs'}>
    <span class="text">${body ?? JSON.stringify(data)}</span>
    <span class="row meta">
      ${!isMine && offset >= firstUnread ? html`<strong class="unread">unread</strong>` : nothing}
      ${isMine ? `to ${nameOf(panel, to)}` : (sender?.name ?? from ?? 'the backend')}
      <time datetime=${new Date(sentAt).toISOString()}>${timeFormat.format(sentAt)}</time>
    </span>
  </li>`
}

const outgoing = (panel: Panel, message: OutgoingMessage): TemplateResult => {
  const { to, body, error } = message
  return html`<li class="mine ${error ? 'unsent' : 'sending'}">
    <span class="text">${body}</span>
    <span class="row meta">
      ${
        error
          ? html`<span>Not sent, <code>${error.code}</code>: ${helpFor(error).explanation}</span>
              <button class="small" @click=${() => panel.session.thread.resend(message)}>Try again</button>`
          : `to ${nameOf(panel, to)}, on its way`
      }
    </span>
  </li>`
}

const composer = ({ session, peers, renderRoot }: Panel): TemplateResult => {
  const { isLive } = session.view
  const send = (event: SubmitEvent): void => {
    event.preventDefault()
    const form = event.target as HTMLFormElement
    const { to, draft } = form.elements as unknown as { to: HTMLSelectElement; draft: HTMLInputElement }
    const body = draft.value.trim()
    if (!body || !to.value) return
    draft.value = ''
    void session.thread.send(to.value, body)
    renderRoot.querySelector('[role=log]')?.scrollTo(0, 0)
  }
  const type = (): void => {
    const { value } = renderRoot.querySelector<HTMLSelectElement>('#to') ?? {}
    if (value) session.thread.type(value)
  }
  return html`<form @submit=${send}>
    <select id="to" aria-label="Recipient" ?disabled=${peers.length === 0}>
      ${repeat(
        peers,
        ({ id }) => id,
        ({ id, name }) => html`<option value=${id}>To ${name}</option>`,
      )}
    </select>
    <input
      id="draft"
      aria-label="Message"
      placeholder=${peers.length ? 'Write a message' : 'There is no other user to write to'}
      autocomplete="off"
      ?disabled=${peers.length === 0 || !isLive}
      @input=${type}
    />
    <button class="main" ?disabled=${peers.length === 0 || !isLive}>Send</button>
  </form>`
}

/** The user's messages, and the form to write one. */
export const threadView = (panel: Panel): TemplateResult => {
  const { thread, view } = panel.session
  const firstUnread = firstUnreadOf(thread.messages, view.user?.id, view.unread)
  const isEmpty = thread.messages.length + thread.outgoing.length === 0
  const contacts = panel.peers
    .map(({ id, name }) => ({ name, contact: thread.contact(id) }))
    .filter(({ contact }) => contact)
  return html`<section class="thread">
    <header>
      <h3 id="messages">Messages</h3>
      <small id="contacts">${contacts.map(({ name, contact }) => `${name}: ${contact}`).join(', ')}</small>
      ${view.pending ? html`<span class="count tag" id="pending">${view.pending} not stored yet</span>` : nothing}
      ${
        view.unread
          ? html`<span class="count" id="unread">${view.unread} unread</span>
              <button class="small" @click=${() => thread.markRead()}>Mark as read</button>`
          : nothing
      }
    </header>
    <div class="well" role="log" aria-labelledby="messages" tabindex="0">
      ${isEmpty ? html`<p class="hint">Nothing in the inbox yet.</p>` : nothing}
      <ol>
        ${thread.messages.map((message) => stored(panel, message, firstUnread))}
        ${thread.outgoing.map((message) => outgoing(panel, message))}
      </ol>
    </div>
    ${composer(panel)}
  </section>`
}
