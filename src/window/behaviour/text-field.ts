/** The most bytes that a message's text may have. */
const MAX_BYTES = 16_384

const encoder = new TextEncoder()

/** A character has at most three bytes for each of its code units, so a short text need not be counted. */
export const isTooLong = (text: string): boolean =>
  3 * text.length > MAX_BYTES && encoder.encode(text).length > MAX_BYTES

/** The field grows with its text. The style sheet says how far. */
export const fit = (field: HTMLTextAreaElement): void => {
  field.style.height = 'auto'
  field.style.height = `${field.scrollHeight}px`
}

/** What is read of a KeyboardEvent, whose type calls `keyCode` deprecated. */
interface Key {
  key: string
  keyCode: number
  isComposing: boolean
  shiftKey: boolean
  ctrlKey: boolean
  metaKey: boolean
}

/** Whether a key belongs to an input method. Safari ends a composition before the key that ended it, which has this code. */
export const isComposing = (event: Key): boolean => event.isComposing || event.keyCode === 229

/** Whether a key sends. With `ctrl-enter` Enter begins a line. */
export const sends = (event: Key, sendKey: string | null | undefined): boolean => {
  if (event.key !== 'Enter' || isComposing(event)) return false
  return sendKey === 'ctrl-enter' ? event.ctrlKey || event.metaKey : !event.shiftKey
}
