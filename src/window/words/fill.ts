import type { Words } from './en.js'

/** Texts of the page in place of the window's own, by key. */
export type Texts = { [K in keyof Words]?: string | undefined }

/** Returns the text with `value` in place of `{name}` or `{n}`. */
export const fill = (text: string, value: string | number): string =>
  text.replace(/\{\w+\}/, () => String(value))
