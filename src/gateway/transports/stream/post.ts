import { isUtf8 } from 'node:buffer'
import { endOfString, object } from '../../../protocol/internal.js'

/** The most frames of one post. */
const MAX_FRAMES = 16

/** A client's post. `frames` has the text of each frame, as on a WebSocket. */
export interface Post {
  stream: string
  seq: number
  frames: string[]
}

/**
 * Returns the JSON text of each item of the list under `key` of an object. `json` must be valid. The texts are cut out of `json`, because
 * `JSON.stringify` throws for a value that is nested too deep. The connection itself refuses such a frame.
 */
const textsOf = (json: string, key: string): string[] => {
  let texts: string[] = []
  let depth = 0
  /** The latest string in the object. When a list begins, this string is its key. */
  let name = ''
  let start = -1
  for (let index = 0; index < json.length; index += 1) {
    const character = json[index]
    if (character === '"') {
      const end = endOfString(json, index)
      if (depth === 1) name = json.slice(index, end + 1)
      index = end
    } else if (character === '[' || character === '{') {
      depth += 1
      if (depth !== 2 || character !== '[' || JSON.parse(name) !== key) continue
      texts = []
      start = index + 1
    } else if (start >= 0 && depth === 2 && (character === ',' || character === ']')) {
      texts.push(json.slice(start, index).trim())
      start = character === ',' ? index + 1 : -1
    }
    if (character === ']' || character === '}') depth -= 1
  }
  return texts
}

/** Returns the text and the value of a body that is JSON in UTF-8; undefined for any other body. */
export const jsonOf = (body: Buffer): { text: string; value: unknown } | undefined => {
  if (!isUtf8(body)) return undefined
  const text = body.toString()
  try {
    return { text, value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

/** Returns the post of a body; undefined if it is malformed. */
export const parsePost = (body: Buffer): Post | undefined => {
  const json = jsonOf(body)
  if (!json || !object(json.value)) return undefined
  const { stream, seq, frames } = json.value
  if (typeof stream !== 'string' || !Number.isSafeInteger(seq) || (seq as number) < 1) return undefined
  if (!Array.isArray(frames) || frames.length === 0 || frames.length > MAX_FRAMES) return undefined
  return { stream, seq: seq as number, frames: textsOf(json.text, 'frames') }
}

/** Returns the code of a `close` frame, with the meaning of a WebSocket's close code; undefined for another frame or an invalid code. */
export const closeCodeOf = (text: string): number | undefined => {
  // A `close` frame is short. A longer text is another frame. The connection parses it, so parsing it here, too, would cost time.
  if (text.length > 64) return undefined
  const value: unknown = JSON.parse(text)
  if (!object(value) || value['type'] !== 'close') return undefined
  const code = value['code']
  return Number.isInteger(code) && Number(code) >= 1000 && Number(code) < 5000 ? Number(code) : undefined
}
