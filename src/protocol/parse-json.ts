import { object, type JsonObject } from './schema.js'

/**
 * How deeply JSON from outside may be nested. `JSON.parse` reads any depth. But `JSON.stringify` throws at a depth of some thousands, and
 * its time grows with the square of the depth.
 */
export const MAX_JSON_DEPTH = 64

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** The bit that turns the code of `[` into that of `{`, and the code of `]` into that of `}`. */
const CURLY = 0x20
const OPENING = 0x7b
const CLOSING = 0x7d

/** Returns whether an odd number of backslashes stands before the quote at `index`. */
const isEscaped = (json: string, index: number): boolean => {
  let before = index - 1
  while (json.charCodeAt(before) === BACKSLASH) before -= 1
  return (index - before) % 2 === 0
}

/** Returns the index of the quote that ends the string which begins at `start`; `json.length` if no quote ends it. */
export const endOfString = (json: string, start: number): number => {
  let end = json.indexOf('"', start + 1)
  while (end !== -1 && isEscaped(json, end)) end = json.indexOf('"', end + 1)
  return end === -1 ? json.length : end
}

/** Returns whether a text opens more than `MAX_JSON_DEPTH` objects and arrays inside one another. It reads the text once. */
export const isDeepJson = (json: string): boolean => {
  // Each level takes two brackets, so JSON of this length can't be too deep. Most texts are this short.
  if (json.length <= 2 * MAX_JSON_DEPTH) return false
  let depth = 0
  for (let index = 0; index < json.length; index += 1) {
    const code = json.charCodeAt(index)
    if (code === QUOTE) index = endOfString(json, index)
    else if ((code | CURLY) === OPENING) depth += 1
    else if ((code | CURLY) === CLOSING) depth -= 1
    if (depth > MAX_JSON_DEPTH) return true
  }
  return false
}

/**
 * Parses JSON from outside. Throws a `SyntaxError` if the text is not JSON, or is nested more than `MAX_JSON_DEPTH` deep. The depth is
 * checked before anything is parsed.
 */
export const parseJson = (json: string): unknown => {
  if (isDeepJson(json)) throw new SyntaxError(`The JSON is nested more than ${MAX_JSON_DEPTH} deep.`)
  return JSON.parse(json)
}

/** Returns the object that JSON from outside stands for; undefined if `parseJson` refuses the text or it stands for something else. */
export const parseObject = (json: string): JsonObject | undefined => {
  try {
    const value = parseJson(json)
    return object(value) ? value : undefined
  } catch {
    return undefined
  }
}
