import { html, type TemplateResult } from '../lit.js'

/** `path` is in a square of 24 units. */
const icon = (path: string): TemplateResult =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${path} /></svg>`

/** Signs that every font has are text, which also turns round where one writes from right to left. */
export const icons = {
  send: icon('M4 12 3 4l18 8-18 8 1-8h8'),
  back: '‹',
  file: icon('M14 3H6v18h12V7l-4-4Zm0 0v4h4'),
  copy: icon('M9 9h11v11H9zM5 15H4V4h11v1'),
  stored: icon('m5 13 4 4L19 7'),
  waiting: icon('M12 7v5l3 2M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18Z'),
  failed: '!',
}
