import type { Upload } from '../client/uploads.js'
import { html, nothing, type TemplateResult } from '../lit.js'
import type { Words } from '../words/en.js'

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
