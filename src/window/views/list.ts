import { html, nothing, repeat, type TemplateResult } from '../lit.js'
import { rove } from '../behaviour/roving-focus.js'
import type { Account } from '../client/account.js'
import { previewOf } from '../content/attachments.js'
import { sorted } from '../model/conversations.js'
import { threadOf, type Conversation } from '../model/model.js'
import type { Ui } from '../ui.js'
import { fill } from '../words/fill.js'
import { presence, who } from './peer.js'

/** A row shows the beginning of a message only, so a long one need not be laid out. */
const PREVIEW_LENGTH = 200

/** What the list says of the newest message. */
const preview = (ui: Ui, { model }: Account, { id, name, newest }: Conversation): string => {
  const { words } = ui
  if (ui.isTyping(id)) return fill(words.typing, ui.nameOf({ id, name }))
  const waiting = threadOf(model, id).outgoing.at(-1)
  const last = waiting ?? newest
  if (!last) return ''
  const isOwn = waiting !== undefined || newest?.from === model.user
  return (isOwn ? `${words.you}: ` : '') + previewOf(last, words.image).slice(0, PREVIEW_LENGTH)
}

const row = (ui: Ui, account: Account, conversation: Conversation, isTabStop: boolean): TemplateResult => {
  const { id, unread, newest } = conversation
  return html`<li>
    <button
      class="conversation ${unread ? 'has-unread' : ''}"
      part="conversation"
      tabindex=${isTabStop ? 0 : -1}
      aria-current=${ui.shown === id ? 'true' : nothing}
      @click=${() => ui.choose(id)}
    >
      ${who(ui, conversation, 'list')} ${presence(ui, conversation)}
      <span class="when">${newest ? ui.times.brief(newest.sentAt) : nothing}</span>
      <bdi class="preview" part="preview">${preview(ui, account, conversation)}</bdi>
      ${
        unread
          ? html`<span class="unread" part="unread" role="img" aria-label=${fill(ui.words.unread, unread)}
              >${unread > 99 ? '99+' : unread}</span
            >`
          : nothing
      }
    </button>
  </li>`
}

/** The conversations. */
export const list = (ui: Ui, account: Account, close: unknown): TemplateResult => {
  const { words, search } = ui
  const all = sorted(account.model, search, (each) => ui.nameOf(each))
  const isListed = (peer: unknown): boolean => all.some(({ id }) => id === peer)
  const tabStop = [ui.shown, ui.lastShown].find(isListed) ?? all[0]?.id
  const hasMore = account.model.next !== undefined
  return html`<div class="list" part="list">
    <div class="head">
      <input
        class="search"
        part="search"
        type="search"
        autocomplete="off"
        placeholder=${words.search}
        aria-label=${words.search}
        .value=${search}
        @input=${(event: Event) => ui.searchFor((event.target as HTMLInputElement).value)}
      />
      ${close}
    </div>
    <div class="rows">
      <ul aria-label=${words.title} @keydown=${rove('button')}>
        ${repeat(
          all,
          ({ id }) => id,
          (each) => row(ui, account, each, each.id === tabStop),
        )}
      </ul>
      ${hasMore ? html`<div class="more"></div>` : nothing}
      ${
        all.length || hasMore || search
          ? nothing
          : html`<div class="hint"><slot name="empty">${words.empty}</slot></div>`
      }
    </div>
  </div>`
}
