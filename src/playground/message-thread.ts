import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { Message } from '../session/index.js'
import { look } from './styles.js'
import type { Outgoing } from './thread.js'
import { wordsOf } from './error-help.js'

/** Somebody to write to. */
export interface Peer {
  id: string
  name: string
}

/** A message that a person wrote. */
export class WroteEvent extends CustomEvent<{ to: string; body: string }> {}
export class AgainEvent extends CustomEvent<Outgoing> {}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

/** The offset of the first message that is unread: the last ones that came from others are. */
export const firstUnreadOf = (messages: readonly Message[], me: string | null, unread: number): number => {
  const received = messages.filter(({ from }) => from !== me)
  return unread ? (received.at(-Math.min(unread, received.length))?.offset ?? Infinity) : Infinity
}

/** What somebody received and sent, and where they write. Tells by `wrote`, `again` and `read` what they want. */
export class MessageThread extends LitElement {
  static override properties = {
    messages: { attribute: false },
    outgoing: { attribute: false },
    peers: { attribute: false },
    me: { attribute: false },
    unread: { attribute: false },
    live: { type: Boolean },
    to: { state: true },
    draft: { state: true },
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 10px;
      }
      header {
        display: flex;
        align-items: center;
        gap: 8px;
        min-height: 38px;
      }
      h3 {
        margin-right: auto;
      }
      .list {
        display: flex;
        flex-direction: column;
        height: 240px;
        padding: 12px;
        overflow-y: auto;
        overscroll-behavior: contain;
        background: var(--well);
        border-radius: 12px;
      }
      ol {
        display: grid;
        gap: 8px;
        margin-top: auto;
        list-style: none;
      }
      .empty {
        margin: auto;
        text-align: center;
      }
      li {
        display: grid;
        gap: 3px;
        max-width: 85%;
        justify-self: start;
        justify-items: start;
        animation: come 0.2s ease-out;
      }
      @keyframes come {
        from {
          opacity: 0;
          translate: 0 6px;
        }
      }
      @media (prefers-reduced-motion: reduce) {
        li {
          animation: none;
        }
      }
      .mine {
        justify-self: end;
        justify-items: end;
      }
      .text {
        max-width: 100%;
        padding: 7px 12px;
        font-size: 0.9375rem;
        line-height: 1.4;
        overflow-wrap: anywhere;
        white-space: pre-wrap;
        background: var(--card);
        border: 1px solid var(--line);
        border-radius: 4px 14px 14px;
      }
      .mine .text {
        color: var(--on-accent);
        background: var(--accent);
        border-color: transparent;
        border-radius: 14px 4px 14px 14px;
      }
      .waiting .text {
        color: var(--ink);
        background: none;
        border: 1px dashed var(--edge);
      }
      .failed .text {
        color: var(--ink);
        background: none;
        border: 1px solid var(--bad);
      }
      .meta {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px 6px;
        font-size: 0.75rem;
        color: var(--soft);
      }
      .failed .meta {
        color: var(--bad);
      }
      .dot {
        width: 8px;
        height: 8px;
        border-radius: 50%;
        background: var(--alert);
      }
      form {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 8px;
      }
      label {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        align-items: center;
        gap: 8px;
        grid-column: 1 / -1;
      }
      input,
      select {
        min-width: 0;
      }
    `,
  ]

  declare messages: readonly Message[]
  declare outgoing: readonly Outgoing[]
  declare peers: readonly Peer[]
  /** The user id of whose thread it is. */
  declare me: string | null
  declare unread: number
  declare live: boolean
  declare to: string
  declare draft: string

  constructor() {
    super()
    this.messages = this.outgoing = this.peers = []
    this.me = null
    this.unread = 0
    this.live = false
    this.to = this.draft = ''
  }

  get #recipient(): Peer | undefined {
    return this.peers.find(({ id }) => id === this.to) ?? this.peers[0]
  }

  protected override updated(changed: PropertyValues<this>): void {
    const list = this.renderRoot.querySelector('.list')
    if (list && (changed.has('messages') || changed.has('outgoing'))) list.scrollTop = list.scrollHeight
  }

  #nameOf(id: string): string {
    return this.peers.find((peer) => peer.id === id)?.name ?? id
  }

  #write(event: Event): void {
    event.preventDefault()
    const body = this.draft.trim()
    const to = this.#recipient?.id
    if (!body || to === undefined) return
    this.draft = ''
    this.dispatchEvent(new WroteEvent('wrote', { detail: { to, body } }))
  }

  #stored({ offset, from, to, sender, body, data, sentAt }: Message, firstUnread: number): TemplateResult {
    const mine = from === this.me
    const isNew = !mine && offset >= firstUnread
    return html`<li class=${mine ? 'mine' : 'theirs'}>
      <span class="text">${body ?? JSON.stringify(data)}</span>
      <span class="meta">
        ${isNew ? html`<span class="dot"></span><strong>unread</strong>` : nothing}
        ${mine ? `to ${this.#nameOf(to)}` : (sender?.name ?? from ?? 'the backend')}
        <time datetime=${new Date(sentAt).toISOString()}>${clock.format(sentAt)}</time>
      </span>
    </li>`
  }

  #underway(outgoing: Outgoing): TemplateResult {
    const { to, body, error } = outgoing
    return html`<li class="mine ${error ? 'failed' : 'waiting'}">
      <span class="text">${body}</span>
      <span class="meta">
        ${
          error
            ? html`<span>Not sent, <code>${error.code}</code>: ${wordsOf(error).sentence}</span>
                <button
                  class="small"
                  @click=${() => this.dispatchEvent(new AgainEvent('again', { detail: outgoing }))}
                >
                  Try again
                </button>`
            : `to ${this.#nameOf(to)}, on its way`
        }
      </span>
    </li>`
  }

  #composer(): TemplateResult {
    const recipient = this.#recipient
    return html`<form @submit=${(event: Event) => this.#write(event)}>
      <label
        >To
        <select
          id="to"
          ?disabled=${!recipient}
          @change=${({ target }: Event) => (this.to = (target as HTMLSelectElement).value)}
        >
          ${this.peers.map(
            ({ id, name }) =>
              html`<option value=${id} ?selected=${id === recipient?.id} .selected=${id === recipient?.id}>
                ${name}
              </option>`,
          )}
        </select></label
      >
      <input
        id="draft"
        aria-label="Message"
        placeholder=${recipient ? 'Write a message' : 'There is nobody to write to'}
        autocomplete="off"
        ?disabled=${!recipient || !this.live}
        .value=${this.draft}
        @input=${({ target }: Event) => (this.draft = (target as HTMLInputElement).value)}
      />
      <button class="main" ?disabled=${!recipient || !this.live}>Send</button>
    </form>`
  }

  override render(): TemplateResult {
    const firstUnread = firstUnreadOf(this.messages, this.me, this.unread)
    const empty = this.messages.length + this.outgoing.length === 0
    return html`<header>
        <h3 id="title">Messages</h3>
        ${
          this.unread
            ? html`<span class="count" id="unread">${this.unread} unread</span>
                <button class="small" @click=${() => this.dispatchEvent(new Event('read'))}>
                  Mark as read
                </button>`
            : nothing
        }
      </header>
      <div class="list" role="log" aria-labelledby="title" tabindex="0">
        ${
          empty
            ? html`<p class="hint empty">Nothing in the inbox yet.</p>`
            : html`<ol>
                ${repeat(
                  this.messages,
                  ({ offset }) => offset,
                  (message) => this.#stored(message, firstUnread),
                )}
                ${repeat(
                  this.outgoing,
                  ({ key }) => key,
                  (outgoing) => this.#underway(outgoing),
                )}
              </ol>`
        }
      </div>
      ${this.#composer()}`
  }
}
customElements.define('message-thread', MessageThread)
