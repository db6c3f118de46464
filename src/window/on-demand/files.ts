import type { Upload } from '../client/uploads.js'
import { html, nothing, type TemplateResult } from '../lit.js'
import type { Words } from '../words/en.js'

interface Ui {
  words: Words
  attach(files: FileList | null): boolean
}

export { start } from '../client/uploads.js'

/** The files that are on their way, each with a button that cancels it, and those that failed. */
export const uploadList = (words: Words, uploads: readonly Upload[]): TemplateResult[] =>
  uploads.map(
    ({ name, done, hasFailed, cancel }) =>
      html`<li class="upload" role=${hasFailed ? 'alert' : nothing}>
        <bdi>${name}</bdi>
        ${
          hasFailed
            ? words['upload-failed']
            : html`<progress aria-label=${name} value=${done ?? nothing}></progress>`
        }
        <button type="button" class="plain" aria-label=${words.close} @click=${cancel}>×</button>
      </li>`,
  )

/** A button to choose files, which phones need: nothing is pasted there. */
export const attachButton = (ui: Ui): TemplateResult => {
  const chosen = ({ target }: Event): void => {
    const input = target as HTMLInputElement
    ui.attach(input.files)
    input.value = ''
  }
  return html`<label class="plain attach"
    ><input type="file" class="hidden" multiple aria-label=${ui.words.attach} @change=${chosen} /><svg
      class="icon"
      viewBox="0 0 24 24"
      aria-hidden="true"
    >
      <path d="m20 11-8 8a5 5 0 0 1-7-7l8-8a3.3 3.3 0 0 1 5 5l-8 8a1.7 1.7 0 0 1-2.5-2.5L15 7" /></svg
  ></label>`
}
