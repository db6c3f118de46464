import { html, nothing, type TemplateResult } from 'lit'
import type { Message, Peer } from '../../../session/index.js'
import { helpFor } from '../error-help.js'
import type { OutgoingMessage } from './thread.js'
import type { Panel } from './panel.js'

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

/** Returns the other users of the page, in its order, and then the peers who are not in the page. */
const peopleOf = ({ peers: users, session: { thread } }: Panel) =>
  [...new Set([...users, ...thread.peers].map(({ id }) => id))].map((id) => {
    const peer = thread.peers.find((each) => each.id === id)
    const name = users.find((user) => user.id === id)?.name ?? peer?.name ?? id ?? 'the backend'
    return { id, name, unread: peer?.unread ?? 0, readOffset: peer?.readOffset ?? 0 }
  })
type Person = ReturnType<typeof peopleOf>[number]

const stored = ({ id, name, readOffset }: Person, message: Message): TemplateResult => {
  const { offset, from, body, data, sentAt } = message
  const isMine = from !== id
  return html`<li class=${isMine ? 'mine' : 'theirs'}>
    <span class="text">${body ?? JSON.stringify(data)}</span>
    <span class="row meta">
      ${!isMine && offset > readOffset ? html`<strong class="unread">unread</strong>` : nothing}
      ${isMine ? `to ${name}` : name}
      <time datetime=${new Date(sentAt).toISOString()}>${timeFormat.format(sentAt)}</time>
    </span>
  </li>`
}

const outgoing = ({ session: { thread } }: Panel, name: string, message: OutgoingMessage): TemplateResult => {
  const { id, to, body, error } = message
  return html`<li class="mine ${error ? 'unsent' : 'sending'}">
    <span class="text">${body}</span>
    <span class="row meta">
      ${
        error
          ? html`<span>Not sent, <code>${error.code}</code>: ${helpFor(error).explanation}</span>
              <button class="small" @click=${() => thread.send(to, body, id)}>Try again</button>`
          : `to ${name}, on its way`
      }
    </span>
  </li>`
}

const conversations = ({ session: { thread } }: Panel, people: Person[], shown?: Person): TemplateResult =>
  html`<div class="segments" role="group" aria-label="Conversations">
    ${people.map(
      ({ id, name, unread }) =>
        html`<button type="button" aria-pressed=${id === shown?.id} @click=${() => thread.choose(id)}>
          ${name} <small>${thread.contact(id)}</small>
          ${unread ? html`<span class="count">${unread} unread</span>` : nothing}
        </button>`,
    )}
  </div>`

const composer = ({ session: { thread, view }, renderRoot }: Panel, to?: Peer['id']): TemplateResult => {
  const send = (event: SubmitEvent): void => {
    event.preventDefault()
    const { draft } = (event.target as HTMLFormElement).elements as unknown as { draft: HTMLInputElement }
    const body = draft.value.trim()
    if (!body || !to) return
    draft.value = ''
    void thread.send(to, body)
    renderRoot.querySelector('[role=log]')?.scrollTo(0, 0)
  }
  return html`<form @submit=${send}>
    <input
      id="draft"
      aria-label="Message"
      placeholder=${to ? 'Write a message' : 'There is no user to write to'}
      autocomplete="off"
      ?disabled=${!to || !view.isLive}
      @input=${() => to && thread.type(to)}
    />
    <button class="main" ?disabled=${!to || !view.isLive}>Send</button>
  </form>`
}

/** The user's conversations, the messages of the chosen conversation, and the form to write a message. */
export const threadView = (panel: Panel): TemplateResult => {
  const { thread, view } = panel.session
  const people = peopleOf(panel)
  const shown = thread.shown === undefined ? people[0] : people.find(({ id }) => id === thread.shown)
  const items = shown && [
    ...thread.messages.map((message) => stored(shown, message)),
    ...thread.outgoingTo(shown.id).map((message) => outgoing(panel, shown.name, message)),
  ]
  return html`<section class="thread">
    <header>
      <h3 id="messages">Messages</h3>
      ${view.pending ? html`<span class="count tag" id="pending">${view.pending} not stored yet</span>` : nothing}
      ${shown?.unread ? html`<button class="small" @click=${() => thread.markRead()}>Mark as read</button>` : nothing}
    </header>
    ${conversations(panel, people, shown)}
    <div class="well" role="log" aria-labelledby="messages" tabindex="0">
      ${items?.length ? nothing : html`<p class="hint">No messages yet.</p>`}
      <ol>
        ${items}
      </ol>
    </div>
    ${composer(panel, shown?.id)}
  </section>`
}
