import { html, nothing, type TemplateResult } from '../lit.js'
import type { Ui } from '../ui.js'
import { icons } from './icons.js'

/** Where the user writes. The text is the field's own: a key changes nothing else of the window. */
export const composer = (ui: Ui): TemplateResult => {
  const { words, isTooLong } = ui
  const uploads = ui.uploads.filter(({ to }) => to === ui.shown)
  const submitted = (event: Event): void => {
    event.preventDefault()
    ui.send()
  }
  const pasted = (event: ClipboardEvent): void => {
    if (ui.attach(event.clipboardData?.files)) event.preventDefault()
  }
  return html`<form class="composer" part="composer" @submit=${submitted}>
    <ul>
      ${ui.files?.uploadList(words, uploads)}
    </ul>
    <p id="too-long" role="alert">${isTooLong ? words['too-long'] : ''}</p>
    <div class="field">
      ${ui.canUpload ? ui.files?.attachButton(ui) : nothing}
      <textarea
        part="input"
        rows="1"
        autocomplete="off"
        enterkeyhint="send"
        placeholder=${words.input}
        aria-label=${words.input}
        aria-invalid=${isTooLong ? 'true' : 'false'}
        aria-describedby="too-long"
        @input=${() => ui.typed()}
        @keydown=${(event: KeyboardEvent) => ui.pressed(event)}
        @paste=${pasted}
      ></textarea>
      <button class="plain send" part="send" aria-label=${words.send}>${icons.send}</button>
    </div>
  </form>`
}
