import { html, nothing, type TemplateResult } from '../lit.js'
import type { Words } from '../words/en.js'
import { fill } from '../words/fill.js'

export { launcherStyles } from '../styles/launcher.js'

export interface LauncherButton {
  words: Words
  isOpen: boolean
  unread: number
  toggle: () => void
}

/** The round button that opens the window, with the number of unread messages. */
export const launcherButton = ({ words, isOpen, unread, toggle }: LauncherButton): TemplateResult => {
  const label = unread ? `${words.title}, ${fill(words.unread, unread)}` : words.title
  const speech = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
    <path d="M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5Z" />
  </svg>`
  return html`<button
    class="launcher"
    part="launcher"
    aria-label=${label}
    aria-expanded=${isOpen ? 'true' : 'false'}
    aria-haspopup="dialog"
    @click=${toggle}
  >
    ${isOpen ? '×' : speech}
    ${unread ? html`<span class="badge" part="badge">${unread > 99 ? '99+' : unread}</span>` : nothing}
  </button>`
}
