import { html } from '../lit.js'

/** The shapes of what is being loaded. They come after a moment, so that a fast answer makes no flash. */
export const skeleton = html`<div class="skeleton" aria-hidden="true">
  <i class="bone"></i><i class="bone"></i><i class="bone"></i><i class="bone"></i>
</div>`
