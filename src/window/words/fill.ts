import type { Words } from './en.js'

/** Texts of the page in place of the window's own, by key. */
export type Texts = { [K in keyof Words]?: string | undefined }

/** Returns the text with the values in place of `{name}` and `{n}`. */
export const fill = (text: string, values: Record<string, string | number>): string =>
  text.replace(/\{(\w+)\}/g, (placeholder, key: string) => String(values[key] ?? placeholder))
