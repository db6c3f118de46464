import { LuaError } from './database.js'
import { numberText } from './sorted-set.js'

/*
 * The functions of Lua that the scripts use, for their TypeScript in Node. nil is undefined, and a function that returns several values
 * returns an array. A text has a character for each of its bytes.
 */

const CLASSES: Readonly<Record<string, string>> = {
  ...{ d: '\\d', s: '\\t-\\r ', u: 'A-Z', w: '\\dA-Za-z', z: '\\0' },
}

/** Returns the regular expression for a pattern of Lua. In a set, such as `[^,]`, the pattern has no classes. */
const expressionOf = (pattern: string): RegExp => {
  const source = pattern.replaceAll(/%(.)|-|[{}|\\/]/g, (found, escaped?: string) => {
    if (found === '-') return '*?'
    if (escaped === undefined) return `\\${found}`
    const set = CLASSES[escaped.toLowerCase()]
    if (set === undefined) return `\\${escaped}`
    return escaped === escaped.toLowerCase() ? `[${set}]` : `[^${set}]`
  })
  return new RegExp(source, 'gs')
}

const expressions = new Map<string, RegExp>()
const known = (pattern: string): RegExp => {
  const expression = expressions.get(pattern) ?? expressionOf(pattern)
  expressions.set(pattern, expression)
  expression.lastIndex = 0
  return expression
}

const type = (value: unknown): string => {
  if (value === undefined) return 'nil'
  return typeof value === 'object' ? 'table' : typeof value
}

export const tostring = (value: unknown): string => {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  return typeof value === 'number' ? numberText(Number(value.toPrecision(14))) : type(value)
}

export const tonumber = (value: unknown): number | undefined => {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || !/^\s*([-+]?(\d|\.\d|inf)|nan)/i.test(value)) return undefined
  const number = Number(value.replace(/inf(inity)?/i, 'Infinity'))
  return Number.isNaN(number) ? undefined : number
}

const string = {
  char: (...codes: number[]) => String.fromCharCode(...codes),
  format: (format: string, ...values: unknown[]) =>
    format.replaceAll(/%(?:\.(\d))?([dfs])/g, (_found, digits: string | undefined, type: string) => {
      const value = values.shift()
      if (type === 's') return tostring(value)
      const number = tonumber(value)
      if (number === undefined) throw new LuaError(`bad argument to 'format' (number expected)`)
      if (!Number.isFinite(number)) return tostring(number)
      return type === 'd' ? String(Math.trunc(number)) : number.toFixed(Number(digits ?? 6))
    }),
  find: (text: string, pattern: string, from = 1, isPlain = false): [number?, number?] => {
    if (isPlain) {
      const place = text.indexOf(pattern, from - 1)
      return place < 0 ? [] : [place + 1, place + pattern.length]
    }
    const found = known(pattern).exec(text)
    return found === null ? [] : [found.index + 1, found.index + found[0].length]
  },
  gmatch: (text: string, pattern: string) => [...text.matchAll(known(pattern))].map(([found]) => found),
  match: (text: string, pattern: string): string[] => {
    const found = known(pattern).exec(text)
    if (found === null) return []
    return found.length > 1 ? found.slice(1) : [found[0]]
  },
  sub: (text: string, from: number, to = -1) =>
    text.slice(from > 0 ? from - 1 : from, to < -1 ? to + 1 : to === -1 ? undefined : to),
}

const table = {
  concat: (list: readonly (string | number)[], separator = '') => list.join(separator),
  sort: <T>(list: T[], isBefore: (a: T, b: T) => boolean) =>
    list.sort((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : 0)),
  insert: <T>(list: T[], place: number, item: T) => list.splice(place - 1, 0, item),
}

function* pairs(of: Readonly<Record<string, unknown>>): Iterable<[string, unknown]> {
  for (const key of Object.keys(of)) if (of[key] !== undefined) yield [key, of[key]]
}

const pcall = (run: (...args: unknown[]) => unknown, ...args: unknown[]): [boolean, unknown] => {
  try {
    return [true, run(...args)]
  } catch (error) {
    return [false, error instanceof LuaError ? error.problem : String((error as Error).stack)]
  }
}

interface Meta {
  readonly __index: (table: object, name: string) => unknown
}

export const globals = {
  ...{ string, table, tonumber, tostring, pairs, type, pcall },
  Math,
  Infinity,
  $multi: (...values: unknown[]) => values,
  unpack: <T>(list: readonly T[], from = 1, to = list.length) => list.slice(from - 1, to),
  error: (problem: unknown) => {
    throw new LuaError(problem)
  },
  setmetatable: (of: Readonly<Record<string, unknown>>, meta: Meta) =>
    new Proxy(of, { get: (target, name: string) => target[name] ?? meta.__index(target, name) }),
}
