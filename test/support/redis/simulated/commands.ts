import { redisError, type Database } from './database.js'
import {
  membersByScore,
  membersByText,
  numberOf,
  numberText,
  putMember,
  removeMember,
  type SortedSet,
} from './sorted-set.js'

/*
 * The commands of Redis that the engine uses, with the options that it uses. A command returns what a script gets: false for nothing.
 */

type Command = (of: Database, key: string, ...args: string[]) => unknown

/** Returns the items from one place to another. A place below 0 counts from the end, and the last place belongs to the range. */
const range = <T>(items: readonly T[], from?: string, to?: string): T[] => {
  const [first, last] = [integer(from), integer(to)]
  const start = first < 0 ? Math.max(first + items.length, 0) : first
  return items.slice(start, (last < 0 ? last + items.length : last) + 1)
}

/** Returns the argument after an option; undefined without the option. */
const optionOf = (args: readonly string[], name: string): string | undefined => {
  const place = args.indexOf(name)
  return place < 0 ? undefined : args[place + 1]
}

const pairsOf = (args: readonly string[]): [string, string][] => {
  if (args.length === 0 || args.length % 2 === 1) throw redisError('ERR wrong number of arguments')
  return Array.from({ length: args.length / 2 }, (_, n) => [args[2 * n] ?? '', args[2 * n + 1] ?? ''])
}

const integer = (text = ''): number => {
  if (!/^-?\d+$/.test(text)) throw redisError('ERR value is not an integer or out of range')
  return Number(text)
}

/** Applies LIMIT and WITHSCORES to the members that a range has found. */
const limited = (set: SortedSet | undefined, found: string[], options: string[]): string[] => {
  const place = options.indexOf('LIMIT')
  if (place >= 0)
    return limited(
      set,
      found.slice(integer(options[place + 1])).slice(0, integer(options[place + 2])),
      options.toSpliced(place, 3),
    )
  if (!options.includes('WITHSCORES')) return found
  return found.flatMap((member) => [member, numberText(set?.scores.get(member) ?? 0)])
}

/** Returns the offset of a stream's id, whose second number is 0 in each entry. */
const offsetOf = (id: string): number => (id === '-' ? 0 : id === '+' ? Infinity : Number(id.split('-')[0]))

const streamRange = (of: Database, key: string, from: string, to: string): [string, readonly string[]][] => {
  const [first, last] = [offsetOf(from), offsetOf(to)]
  const { entries = [] } = of.read('stream', key) ?? {}
  const found = entries.filter(({ offset }) => offset >= first && offset <= last)
  return found.map(({ offset, fields }) => [`${offset}-0`, fields])
}

const counted = <T>(found: T[], options: string[]): T[] =>
  found.slice(0, Number(optionOf(options, 'COUNT') ?? Infinity))

/** A number for a text. A scan visits fields in the order of these numbers, so none is left out if others are deleted meanwhile. */
const placeInScan = (text: string): number => {
  let hash = 1
  for (let n = 0; n < text.length; n++) hash = (Math.imul(hash, 31) + text.charCodeAt(n)) >>> 0
  return hash + 1
}

/** Commands that do not write. */
export const reads: Readonly<Record<string, Command>> = {
  EXISTS: (of, ...keys) => keys.filter((key) => of.row(key)).length,
  PTTL: (of, key) => {
    const row = of.row(key)
    return row === undefined ? -2 : row.until === Infinity ? -1 : row.until - of.now
  },
  GET: (of, key) => of.read('string', key)?.text ?? false,

  HGET: (of, key, field = '') => of.read('hash', key)?.get(field) ?? false,
  HMGET: (of, key, ...fields) => {
    const hash = of.read('hash', key)
    return fields.map((field) => hash?.get(field) ?? false)
  },
  HGETALL: (of, key) => [...(of.read('hash', key) ?? [])].flat(),
  HKEYS: (of, key) => [...(of.read('hash', key)?.keys() ?? [])],
  HVALS: (of, key) => [...(of.read('hash', key)?.values() ?? [])],
  HLEN: (of, key) => of.read('hash', key)?.size ?? 0,
  HEXISTS: (of, key, field = '') => Number(of.read('hash', key)?.has(field) ?? false),
  HRANDFIELD: (of, key, count) => {
    const fields = [...(of.read('hash', key) ?? [])]
    while (fields.length > Number(count)) fields.splice(Math.floor(Math.random() * fields.length), 1)
    return fields.flat()
  },
  HSCAN: (of, key, cursor, ...options) => {
    const after = Number(cursor)
    const left = [...(of.read('hash', key) ?? [])]
      .map(([field, value]) => ({ place: placeInScan(field), field, value }))
      .filter(({ place }) => place > after)
      .sort((a, b) => a.place - b.place)
    const last = left[Number(optionOf(options, 'COUNT') ?? 10) - 1]?.place ?? Infinity
    const page = left.filter(({ place }) => place <= last)
    const next = page.length < left.length ? last : 0
    return [String(next), page.flatMap(({ field, value }) => [field, value])]
  },

  LRANGE: (of, key, from, to) => range(of.read('list', key) ?? [], from, to),

  ZCARD: (of, key) => of.read('zset', key)?.members.length ?? 0,
  ZSCORE: (of, key, member = '') => {
    const score = of.read('zset', key)?.scores.get(member)
    return score === undefined ? false : numberText(score)
  },
  ZRANGE: (of, key, from, to, ...options) => {
    const set = of.read('zset', key)
    return limited(set, range(set?.members ?? [], from, to), options)
  },
  ZRANGEBYSCORE: (of, key, min = '', max = '', ...options) => {
    const set = of.read('zset', key)
    return limited(set, membersByScore(set, min, max), options)
  },
  ZRANGEBYLEX: (of, key, min = '', max = '', ...options) => {
    const set = of.read('zset', key)
    return limited(set, membersByText(set, min, max), options)
  },

  XRANGE: (of, key, from = '', to = '', ...options) => counted(streamRange(of, key, from, to), options),
  XREVRANGE: (of, key, to = '', from = '', ...options) =>
    counted(streamRange(of, key, from, to).reverse(), options),
}

const del: Command = (of, ...keys) => keys.filter((key) => of.row(key) && of.rows.delete(key)).length

const setUntil = (of: Database, key: string, until: number): number => {
  const row = of.row(key)
  if (row === undefined) return 0
  row.until = until
  return 1
}

export const writes: Readonly<Record<string, Command>> = {
  DEL: del,
  UNLINK: del,
  PEXPIRE: (of, key, milliseconds) => setUntil(of, key, of.now + integer(milliseconds)),
  PERSIST: (of, key) => (of.row(key)?.until === Infinity ? 0 : setUntil(of, key, Infinity)),
  SET: (of, key, text = '', ...options) => {
    const known = of.row(key)
    if (options.includes('NX') && known !== undefined) return false
    const keptFor = options.includes('PX') ? integer(optionOf(options, 'PX')) : Infinity
    if (!(keptFor > 0)) throw redisError("ERR invalid expire time in 'set' command")
    const until = options.includes('KEEPTTL') ? (known?.until ?? Infinity) : of.now + keptFor
    of.rows.set(key, { type: 'string', value: { text }, until })
    return { ok: 'OK' }
  },
  MSETNX: (of, ...args) => {
    const pairs = pairsOf(args)
    if (pairs.some(([key]) => of.row(key))) return 0
    for (const [key, text] of pairs) of.write('string', key).text = text
    return 1
  },

  HSET: (of, key, ...args) => {
    const pairs = pairsOf(args)
    const hash = of.write('hash', key)
    const before = hash.size
    for (const [field, value] of pairs) hash.set(field, value)
    return hash.size - before
  },
  HSETNX: (of, key, field = '', value = '') => {
    const hash = of.write('hash', key)
    if (hash.has(field)) return 0
    hash.set(field, value)
    return 1
  },
  HDEL: (of, key, ...fields) => {
    const hash = of.read('hash', key)
    if (hash === undefined) return 0
    const removed = fields.filter((field) => hash.delete(field)).length
    of.tidy(key, hash)
    return removed
  },
  HINCRBY: (of, key, field = '', difference) => {
    const sum = integer(of.read('hash', key)?.get(field) ?? '0') + integer(difference)
    of.write('hash', key).set(field, String(sum))
    return sum
  },

  RPUSH: (of, key, ...items) => of.write('list', key).push(...items),
  LTRIM: (of, key, from, to) => {
    const list = of.read('list', key)
    if (list === undefined) return { ok: 'OK' }
    list.splice(0, list.length, ...range(list, from, to))
    of.tidy(key, list)
    return { ok: 'OK' }
  },

  ZADD: (of, key, ...args) => {
    const isLower = args[0] === 'LT'
    const pairs = pairsOf(isLower ? args.slice(1) : args)
    if (pairs.some(([text]) => text === '' || Number.isNaN(numberOf(text))))
      throw redisError('ERR value is not a valid float')
    const set = of.write('zset', key)
    let added = 0
    for (const [text, member] of pairs) {
      const score = numberOf(text)
      if (isLower && (set.scores.get(member) ?? NaN) <= score) continue
      if (putMember(set, member, score)) added++
    }
    return added
  },
  ZREM: (of, key, ...members) => {
    const set = of.read('zset', key)
    if (set === undefined) return 0
    const removed = members.filter((member) => removeMember(set, member)).length
    of.tidy(key, set.members)
    return removed
  },
  ZREMRANGEBYSCORE: (of, key, min = '', max = '') => {
    const set = of.read('zset', key)
    if (set === undefined) return 0
    const removed = membersByScore(set, min, max).filter((member) => removeMember(set, member)).length
    of.tidy(key, set.members)
    return removed
  },

  XADD: (of, key, id = '', ...fields) => {
    const offset = offsetOf(id)
    if (!(offset > (of.read('stream', key)?.last ?? 0)))
      throw redisError('ERR The ID specified in XADD is equal or smaller than the target stream top item')
    const stream = of.write('stream', key)
    stream.last = offset
    stream.entries.push({ offset, fields })
    return `${offset}-0`
  },
  XTRIM: (of, key, _strategy, id = '') => {
    const stream = of.read('stream', key)
    if (stream === undefined) return 0
    const before = stream.entries.length
    stream.entries = stream.entries.filter(({ offset }) => offset >= offsetOf(id))
    return before - stream.entries.length
  },
}
