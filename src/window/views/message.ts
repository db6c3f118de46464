import { html, nothing, type TemplateResult } from '../lit.js'
import { fileOf, imageOf } from '../content/attachments.js'
import { linked } from '../content/links.js'
import type { MessageItem } from '../model/items.js'
import type { Outgoing } from '../model/model.js'
import type { MessageData } from '../types.js'
import type { Ui } from '../ui.js'
import { icons } from './icons.js'

const link = (
  ui: Ui,
  url: string,
  content: unknown,
  part: string | typeof nothing = nothing,
): TemplateResult =>
  html`<a
    href=${url}
    class=${part}
    part=${part}
    target="_blank"
    rel="noreferrer"
    @click=${(event: Event) => ui.followLink(event, url)}
    >${content}</a
  >`

const text = (ui: Ui, body: string | undefined): TemplateResult =>
  html`<bdi class="text"
    >${linked(body ?? '').map(({ text, url }) => (url ? link(ui, url, text) : text))}</bdi
  >`

/** The picture: with the room that it takes, if that is known, so that nothing moves when it has loaded. */
const picture = (ui: Ui, data: MessageData | undefined): unknown => {
  const image = imageOf(data)
  if (!image) return nothing
  const { url, alt, size } = image
  const drawn = html`<img
    src=${url}
    alt=${alt || ui.words.image}
    width=${size?.width ?? nothing}
    height=${size?.height ?? nothing}
    loading="lazy"
    referrerpolicy="no-referrer"
  />`
  return link(ui, url, drawn, 'image')
}

const attached = (ui: Ui, data: MessageData | undefined): unknown => {
  const file = fileOf(data)
  if (!file) return nothing
  const { url, name, size } = file
  const content = html`${icons.file}<bdi>${name}</bdi
    ><small>${size === undefined ? nothing : ui.times.size(size)}</small>`
  return link(ui, url, content, 'file')
}

const status = ({ words }: Ui, outgoing: Outgoing | undefined): TemplateResult => {
  const state = outgoing?.failure ? 'failed' : outgoing ? 'waiting' : 'stored'
  return html`<span class="status" part="status" role="img" aria-label=${words[state]}>${icons[state]}</span>`
}

const failure = ({ account, words }: Ui, outgoing: Outgoing): unknown => {
  const { failure: code } = outgoing
  if (!code) return nothing
  return html`<div class="failure">
    ${(words as Partial<Record<string, string>>)[code] ?? words.failed}
    <button class="again" part="again" @click=${() => account?.again(outgoing)}>${words.again}</button>
  </div>`
}

const copy = ({ words }: Ui, body: string | undefined): unknown =>
  body && 'clipboard' in navigator
    ? html`<button
        class="plain copy"
        part="copy"
        aria-label=${words.copy}
        @click=${() => void navigator.clipboard.writeText(body)}
      >
        ${icons.copy}
      </button>`
    : nothing

/** One message: its bubble, its time, and what became of it if it is an own one. */
export const message = (ui: Ui, { message, isOwn, outgoing, isFirst, isLast }: MessageItem, name: string) => {
  const { body, data, sentAt } = message
  const kind = isOwn ? 'own' : 'other'
  return html`<li
    class="message ${kind} ${isFirst ? 'first' : ''} ${isLast ? 'last' : ''}"
    part="message ${kind}"
    tabindex="-1"
  >
    <span class="hidden">${isOwn ? ui.words.you : name}:</span>
    <div class="bubble" part="bubble">
      ${ui.drawnMessage(message) ?? html`${picture(ui, data)}${attached(ui, data)}${text(ui, body)}`}
      <span class="meta"
        ><time part="time">${ui.times.clock(sentAt)}</time>${isOwn ? status(ui, outgoing) : nothing}</span
      >
    </div>
    ${copy(ui, body)} ${outgoing ? failure(ui, outgoing) : nothing}
  </li>`
}
