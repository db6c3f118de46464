import { html, nothing, repeat, type TemplateResult } from '../lit.js'
import { rove } from '../behaviour/roving-focus.js'
import type { Account } from '../client/account.js'
import { conversationOf } from '../model/conversations.js'
import { chunksOf, itemsOf, type Item } from '../model/items.js'
import { threadOf } from '../model/model.js'
import type { PeerId } from '../types.js'
import type { Ui } from '../ui.js'
import { fill } from '../words/fill.js'
import { midnight } from '../words/times.js'
import { composer } from './composer.js'
import { icons } from './icons.js'
import { message } from './message.js'
import { presence, who } from './peer.js'
import { skeleton } from './skeleton.js'

const line = (ui: Ui, item: Item, name: string): TemplateResult => {
  if (item.kind === 'message') return message(ui, item, name)
  const text = item.kind === 'day' ? ui.times.day(item.at) : ui.words.new
  return html`<li class=${item.kind} part=${item.kind}><span>${text}</span></li>`
}

const chunk = (ui: Ui, items: readonly Item[], name: string): TemplateResult =>
  html`<ol>
    ${repeat(
      items,
      ({ key }) => key,
      (item) => line(ui, item, name),
    )}
  </ol>`

/** The messages, or what stands there while there are none. */
const messages = (ui: Ui, account: Account, peer: PeerId, name: string): TemplateResult => {
  const { words } = ui
  const thread = threadOf(account.model, peer)
  const items = itemsOf(thread, account.model.user, midnight, (each) => ui.isDrawn(each))
  if (!items.length && thread.failure) return html`<p class="hint" role="status">${words.unloaded}</p>`
  if (!items.length && !thread.isLoaded) return skeleton
  if (!items.length) return html`<div class="hint"><slot name="empty">${words.empty}</slot></div>`
  const older = html`<button class="older" part="older" @click=${() => account.loadOlder(peer)}>
    ${words.older}
  </button>`
  return html`${thread.hasOlder ? older : nothing}
  ${repeat(
    chunksOf(items, thread.startOffset),
    ({ key }) => key,
    (each) => chunk(ui, each.items, name),
  )}`
}

/** Messages come at the end, so the log scrolls from there: what is put above moves nothing that is seen. */
const log = (ui: Ui, account: Account, peer: PeerId, name: string): TemplateResult =>
  html`<div
    class="log"
    part="log"
    role="log"
    aria-live="off"
    aria-label=${name}
    tabindex="0"
    @keydown=${rove('.message')}
  >
    <div class="messages">
      ${messages(ui, account, peer, name)}
      <div class="end"></div>
    </div>
  </div>`

/** One conversation. `close` closes the window of a launcher. */
export const thread = (ui: Ui, account: Account, peer: PeerId, hasList: boolean, close: unknown) => {
  const { words } = ui
  const conversation = conversationOf(account.model, peer)
  const { failure, isLoaded } = threadOf(account.model, peer)
  const name = ui.nameOf(conversation)
  const back = html`<button
    class="plain back"
    part="back"
    aria-label=${words.back}
    @click=${() => ui.leave()}
  >
    ${icons.back}
  </button>`
  const typing = html`<p class="typing" part="typing">${fill(words.typing, name)}</p>`
  // A user sends nothing to the backend, which has no inbox.
  const canWrite = peer !== null && (isLoaded || !failure)
  return html`<div class="thread" part="thread" role="group" aria-label=${name}>
    <div class="head">
      ${hasList ? back : nothing}
      <div class="peer">
        <slot name="header">${who(ui, conversation, 'header')}</slot>
        ${presence(ui, conversation)}
      </div>
      ${close}
    </div>
    ${log(ui, account, peer, name)}
    <div class="below">${ui.isTyping(peer) ? typing : nothing}</div>
    ${canWrite ? composer(ui) : nothing}
  </div>`
}
