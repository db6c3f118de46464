import { html, type TemplateResult } from '../lit.js'

/** `path` is in a square of 24 units. */
const icon = (path: string, name = ''): TemplateResult =>
  html`<svg class="icon ${name}" viewBox="0 0 24 24" aria-hidden="true"><path d=${path} /></svg>`

/** The icons that point somewhere point the other way where one writes from right to left. */
export const icons = {
  send: icon('M4 12 3 4l18 8-18 8 1-8h8', 'mirrored'),
  back: icon('m15 5-7 7 7 7', 'mirrored'),
  close: icon('M6 6l12 12M18 6 6 18'),
  chat: icon('M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5Z'),
  file: icon('M14 3H6v18h12V7l-4-4Zm0 0v4h4'),
  copy: icon('M9 9h11v11H9zM5 15H4V4h11v1'),
  stored: icon('m5 13 4 4L19 7'),
  waiting: icon('M12 7v5l3 2M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18Z'),
  failed: icon('M12 6v8m0 4h.01'),
}
