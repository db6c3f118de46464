import type { Position } from './machine/state.js'

/** Parses `EPOCH/OFFSET`. A text of another form is no position: the console says so, since a page without it works too. */
export const parsePosition = (text: string | null | undefined): Position | undefined => {
  const [, epoch, offset] = /^(.+)\/(\d{1,15})$/.exec(text ?? '') ?? []
  if (epoch) return { epoch, offset: Number(offset) }
  if (text) console.warn(`chat-session: since is no EPOCH/OFFSET: ${text}`)
  return undefined
}
