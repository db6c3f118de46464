import { html, nothing, type TemplateResult } from '../lit.js'
import { safeUrl } from '../content/urls.js'
import type { Conversation } from '../model/model.js'
import type { Ui } from '../ui.js'

/** The first letter. A user id may begin with something else. */
const initialOf = (name: string): string => /[\p{L}\p{N}]/u.exec(name)?.[0].toLocaleUpperCase() ?? ''

const hide = ({ currentTarget }: Event): void => (currentTarget as HTMLElement).remove()

/** The photo, or the initial where there is none or where it can't be loaded. */
const avatar = (name: string, photoUrl: string | null): TemplateResult => {
  const url = safeUrl(photoUrl)
  const photo = html`<img src=${url} alt="" loading="lazy" referrerpolicy="no-referrer" @error=${hide} />`
  return html`<span class="avatar" aria-hidden="true">${initialOf(name)}${url ? photo : nothing}</span>`
}

/** Who it is: the page's own drawing, or photo and name. A node has one place, so it is drawn for each. */
export const who = (ui: Ui, conversation: Conversation, place: 'list' | 'header'): TemplateResult => {
  const own = ui.drawnPeer(conversation, place)
  if (own) return html`<span class="name own" part="name">${own}</span>`
  const name = ui.nameOf(conversation)
  return html`${avatar(name, conversation.photoUrl)}<bdi class="name" part="name">${name}</bdi>`
}

/** A green point while the peer is online, with a word for screen readers. */
export const presence = (ui: Ui, { id }: Conversation): unknown =>
  ui.isOnline(id)
    ? html`<span class="presence" part="presence" role="img" aria-label=${ui.words.online}></span>`
    : nothing
