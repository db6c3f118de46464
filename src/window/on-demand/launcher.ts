import { html, nothing, type TemplateResult } from '../lit.js'
import type { Words } from '../words/en.js'
import { fill } from '../words/fill.js'

export { launcherStyles } from '../styles/launcher.js'

interface Ui {
  words: Words
  toggle(): void
}

/** The button in the head that closes the window. */
export const closeButton = (ui: Ui): TemplateResult =>
  html`<button class="plain close" part="close" aria-label=${ui.words.close} @click=${() => ui.toggle()}>
    ×
  </button>`

/** The round button that opens the window, with the number of unread messages. */
const launcherButton = (ui: Ui, isOpen: boolean, unread: number): TemplateResult => {
  const { words } = ui
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
    @click=${() => ui.toggle()}
  >
    ${isOpen ? '×' : speech}
    ${unread ? html`<span class="badge" part="badge">${unread > 99 ? '99+' : unread}</span>` : nothing}
  </button>`
}

/** The button, and above it the window while that is open. `name` is what a screen reader calls the window. */
export const docked = (ui: Ui, name: string, unread: number, content: unknown): TemplateResult =>
  html`${content === nothing ? nothing : html`<div class="panel" role="dialog" aria-label=${name}>${content}</div>`}
  ${launcherButton(ui, content !== nothing, unread)}`
