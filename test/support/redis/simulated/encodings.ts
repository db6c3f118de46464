import { LuaError } from './database.js'

/*
 * Texts as Lua has them, with a character for each byte, and the modules `cjson` and `cmsgpack` of Redis.
 */

export const bytesOf = (text: string): string => Buffer.from(text).toString('latin1')
export const textOf = (bytes: string): string => Buffer.from(bytes, 'latin1').toString()

/** `cjson.null`: a value of its own, which is not nil. */
const NULL = Object.freeze({ toString: () => 'null' })

const encodeText = (bytes: string): string =>
  JSON.stringify(bytes).replaceAll('/', '\\/').replaceAll('\x7f', '\\u007f')

const encodeNumber = (number: number): string => {
  if (!Number.isFinite(number)) throw new LuaError('Cannot serialise number: must not be NaN or Inf')
  return String(Number(number.toPrecision(14)))
}

/** Leaves out what is nil, and writes an empty list as an empty object, because Lua has one kind of table for both. */
const encode = (value: unknown): string => {
  if (value === undefined || value === NULL) return 'null'
  if (typeof value === 'string') return encodeText(value)
  if (typeof value === 'number') return encodeNumber(value)
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'object' || value === null) throw new LuaError(`Cannot serialise ${typeof value}`)
  if (Array.isArray(value) && value.length > 0) return `[${value.map(encode).join(',')}]`
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return `{${members.map(([name, member]) => `${encodeText(name)}:${encode(member)}`).join(',')}}`
}

const decodeText = (text: string): string => {
  if (/\p{Surrogate}/u.test(text)) throw new LuaError('Expected value but found invalid unicode escape code')
  return bytesOf(text)
}

const tableOf = (value: unknown): unknown => {
  if (typeof value === 'string') return decodeText(value)
  if (value === null) return NULL
  if (typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(tableOf)
  const table = Object.create(null) as Record<string, unknown>
  for (const [name, member] of Object.entries(value)) table[decodeText(name)] = tableOf(member)
  return table
}

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch (error) {
    throw new LuaError(`cjson refuses a text: ${String(error)}`)
  }
}

export const cjson = { encode, decode: (bytes: string) => tableOf(parse(textOf(bytes))) }

const NIL = 0xc0
const DOUBLE = 0xcb
const MAX_SMALL = 0x7f

/** Packs numbers and nil: a small number as one byte, and any other as a double, for which the real cmsgpack has shorter forms. */
const pack = (...values: (number | undefined)[]): string =>
  values
    .map((value) => {
      if (value === undefined) return String.fromCharCode(NIL)
      if (Number.isInteger(value) && value >= 0 && value <= MAX_SMALL) return String.fromCharCode(value)
      const bytes = Buffer.alloc(9)
      bytes[0] = DOUBLE
      bytes.writeDoubleBE(value, 1)
      return bytes.toString('latin1')
    })
    .join('')

const unpack = (packed: string): (number | undefined)[] => {
  const bytes = Buffer.from(packed, 'latin1')
  const values: (number | undefined)[] = []
  for (let n = 0; n < bytes.length; n++) {
    const first = bytes[n] ?? 0
    if (first === DOUBLE) {
      values.push(bytes.readDoubleBE(n + 1))
      n += 8
    } else values.push(first === NIL ? undefined : first)
  }
  return values
}

export const cmsgpack = { pack, unpack }
