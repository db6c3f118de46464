import type { Position } from './machine/state.js'

/** Parses `EPOCH/OFFSET`. If a text has another form, the console says so and the page works without a position. */
export const parsePosition = (text: string | null | undefined): Position | undefined => {
  const [, epoch, offset] = /^(.+)\/(\d{1,15})$/.exec(text ?? '') ?? []
  if (epoch) return { epoch, offset: Number(offset) }
  if (text) console.warn(`chat-session: since is no EPOCH/OFFSET: ${text}`)
  return undefined
}
