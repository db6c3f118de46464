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
const SPACE = 0x20
const COMMA = 0x2c
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39

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

/** Matches a number that may not be exact. A number with at most 15 digits and a short exponent is exact, and nearly all are such. */
const MAYBE_INEXACT = /^-?\d(?:[\d.]{15}|[\d.]*[eE][+-]?\d{3})/
/** Finds such a number in JSON, where one of these characters stands before each number. It also finds some in texts. */
const HAS_MAYBE_INEXACT = /(?:^|[:,[ \n\r\t])-?\d(?:[\d.]{15}|[\d.]*[eE][+-]?\d{3})/
/** The most characters of a number that is compared digit by digit. The largest number has 309 digits. */
const MAX_NUMBER = 400
/** JSON of a number that `JSON.parse` reads as Infinity. */
const INFINITE = '1e999'

/** Returns the value of a number as text: the digits that count, and the power of ten by which they are multiplied. */
const decimalOf = (number: string): string => {
  const [, whole = '', fraction = '', exponent = '0'] =
    /^-?(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(number) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  const power = Number(exponent) - fraction.length + digits.length - significant.length
  return significant === '' ? '0' : `${significant}e${power}`
}

/** Returns whether JavaScript, which reads a number with 53 bits, writes it back with the same value. */
const isExact = (number: string): boolean =>
  !MAYBE_INEXACT.test(number) ||
  (number.length <= MAX_NUMBER && decimalOf(number) === decimalOf(String(Number(number))))

const isNumberStart = (code: number): boolean => (code >= ZERO && code <= NINE) || code === MINUS

/** Returns the index behind the number that begins at `start`: that of a comma, a closing bracket, or white space. */
const endOfNumber = (json: string, start: number): number => {
  let end = start
  for (let code; (code = json.charCodeAt(end)) > SPACE; end += 1)
    if (code === COMMA || (code | CURLY) === CLOSING) break
  return end
}

/**
 * Parses JSON as `JSON.parse` does, but each number that JavaScript would write back as another one becomes Infinity: `9007199254740993`,
 * `0.12345678901234567890`, `1e-400`. So the rules for a field can refuse such a number. Throws a `SyntaxError` if the text is not JSON. `value` is
 * what `JSON.parse` returns for it.
 */
export const parseExact = (json: string, value: unknown = JSON.parse(json)): unknown => {
  if (!HAS_MAYBE_INEXACT.test(json)) return value
  const parts: string[] = []
  let copied = 0
  for (let index = 0; index < json.length; index += 1) {
    const code = json.charCodeAt(index)
    if (code === QUOTE) index = endOfString(json, index)
    else if (isNumberStart(code)) {
      const end = endOfNumber(json, index)
      if (!isExact(json.slice(index, end))) {
        parts.push(json.slice(copied, index), INFINITE)
        copied = end
      }
      index = end - 1
    }
  }
  return copied === 0 ? value : JSON.parse(parts.join('') + json.slice(copied))
}

/**
 * Parses JSON from outside. Throws a `SyntaxError` if the text is not JSON, or is nested more than `MAX_JSON_DEPTH` deep. The depth is
 * checked before anything is parsed.
 */
export const parseJson = (json: string): unknown => {
  if (isDeepJson(json)) throw new SyntaxError(`The JSON is nested more than ${MAX_JSON_DEPTH} deep.`)
  return JSON.parse(json)
}

/**
 * Returns the object that JSON from outside stands for, with the numbers of `parseExact`; undefined if the text is not JSON, is nested more
 * than `MAX_JSON_DEPTH` deep, or stands for something else.
 */
export const parseObject = (json: string): JsonObject | undefined => {
  if (isDeepJson(json)) return undefined
  try {
    const value = parseExact(json)
    return object(value) ? value : undefined
  } catch {
    return undefined
  }
}
