import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { Redis } from 'ioredis'
import { reads, writes } from '../../../support/redis/simulated/commands.js'
import { Database, LuaError } from '../../../support/redis/simulated/database.js'
import { bytesOf, cjson, cmsgpack, textOf } from '../../../support/redis/simulated/encodings.js'
import { globals, tonumber } from '../../../support/redis/simulated/lua.js'
import { standalone } from '../../../support/redis/server.js'
import { createRandom, seed } from '../../../support/seeded-random.js'

const { url } = await standalone()
const { string } = globals

const redis = new Redis(url)
after(() => redis.disconnect())

/** A script gets replies in another form than a client. */
const COMMAND = 'return redis.pcall(unpack(ARGV))'
/** Calls the functions of Lua with a text and a pattern. */
const FUNCTIONS = `
local text, pattern, all = ARGV[1], ARGV[2], {}
if not string.find(pattern, '^%^') and not string.find(pattern, '(', 1, true) then
  for found in string.gmatch(text, pattern) do all[#all + 1] = found end
end
local subs = { string.sub(text, 2), string.sub(text, -2), string.sub(text, 1, -2) }
return { string.find(text, pattern) or false, { string.match(text, pattern) }, all, subs }`
const TIMES = 5_000
const FAILED = 'an error'

const random = createRandom(seed)
const below = (limit: number): number => Math.floor(random() * limit)
const one = <T>(...of: readonly T[]): T => of[below(of.length)] as T
const some = <T>(make: () => T): T[] => Array.from({ length: 1 + below(3) }, make)

const word = (): string => one('a', 'b', 'ab', 'B', '', 'a\0', '7', 'é')
const number = (): string => String(below(12) - 3)
const score = (): string => one('1', '-2', '2.5', 'inf', '-inf', '1796062861495', '0.5', '1e21')
const bound = (): string => one('-inf', '+inf', '(1', '1', '(-2', '2.5')
const textBound = (end: '-' | '+'): string => one(end, `[${word()}`, `(${word()}`)
const limit = (): string[] => one([], ['LIMIT', '0', String(below(3))], ['LIMIT', '1', '2'])
const scores = (): string[] => one([], ['WITHSCORES'])
const count = (): string[] => one([], ['COUNT', String(1 + below(3))])
const id = (end: string): string => `${below(9)}-${end}`

/** The commands, each with arguments as the engine has them. */
const commands: Readonly<Record<string, () => string[]>> = {
  MSETNX: () => [word(), one('S', 'N'), word()],
  ...{ EXISTS: () => [], PTTL: () => [], GET: () => [], DEL: () => [], UNLINK: () => [], PERSIST: () => [] },
  PEXPIRE: () => [one('100000', '-1', '0')],
  SET: () => [word(), ...one([], ['NX'], ['PX', '100000'], ['KEEPTTL'], ['PX', '0'])],
  HGET: () => [word()],
  HMGET: () => some(word),
  ...{ HGETALL: () => [], HKEYS: () => [], HVALS: () => [], HLEN: () => [] },
  HEXISTS: () => [word()],
  HRANDFIELD: () => ['9', 'WITHVALUES'],
  HSCAN: () => ['0', 'COUNT', '500'],
  HSET: () => some(() => [word(), number()]).flat(),
  HSETNX: () => [word(), word()],
  HDEL: () => some(word),
  HINCRBY: () => [word(), one(number(), '1.5')],
  RPUSH: () => some(word),
  LRANGE: () => [number(), number()],
  LTRIM: () => [number(), number()],
  ZADD: () => [...one([], ['LT']), ...some(() => [score(), word()]).flat()],
  ...{ ZREM: () => some(word), ZCARD: () => [], ZSCORE: () => [word()] },
  ZRANGE: () => [number(), number(), ...scores()],
  ZRANGEBYSCORE: () => [bound(), bound(), ...scores(), ...limit()],
  ZREMRANGEBYSCORE: () => [bound(), bound()],
  ZRANGEBYLEX: () => [textBound('-'), textBound('+'), ...limit()],
  XADD: () => [number(), 'm', word(), ...one([], ['w', word()])],
  XRANGE: () => [id('0'), id('9'), ...count()],
  XREVRANGE: () => [id('9'), id('0'), ...count()],
  XTRIM: () => ['MINID', id('0')],
}

/** Returns the key of a command: mostly one of the type that the command needs. The members of `T` have one score. */
const keyOf = (name: string): string => {
  if (name === 'ZRANGEBYLEX') return 'T'
  if (random() < 0.05) return one('H', 'L', 'Z', 'X', 'S')
  if (name === 'RPUSH') return 'L'
  return /^[HLZX]/.test(name) ? name.charAt(0) : 'S'
}

/** Returns what a client gets of a command's reply, or the kind of its error. The order of a hash's fields has no meaning. */
const comparable = (name: string, reply: unknown): unknown => {
  if (reply === false) return null
  if (typeof reply === 'object' && reply !== null && 'ok' in reply) return reply.ok
  if (name === 'HSCAN') return [(reply as [string, string[]])[0], (reply as [string, string[]])[1].toSorted()]
  return Array.isArray(reply) && /^H(GETALL|KEYS|VALS|RANDFIELD)$/.test(name)
    ? reply.toSorted()
    : Array.isArray(reply)
      ? reply.map((item) => comparable('', item))
      : reply
}
void describe(`the simulated Redis (FAULT_SEED=${seed})`, () => {
  void it('has a command for each that is compared, and no other', () => {
    assert.deepEqual(Object.keys({ ...reads, ...writes }).toSorted(), Object.keys(commands).toSorted())
  })

  void it('replies to commands as a real one', async () => {
    const database = new Database()
    const log: string[] = []
    const members = ['a', 'b', 'ab', 'B', 'a\0', 'é'].flatMap((member) => ['0', member])
    await redis.zadd('T', ...members)
    writes['ZADD']?.(database, 'T', ...members.map(bytesOf))
    for (let n = 0; n < TIMES; n++) {
      const name = one(...Object.keys(commands))
      const key = keyOf(name)
      const args = commands[name]?.() ?? []
      log.push([name, key, ...args].join(' '))
      const expected = await redis.eval(COMMAND, 0, name, key, ...args).then(
        (reply) => comparable(name, reply),
        () => FAILED,
      )
      database.now = Date.now()
      let actual: unknown
      try {
        const reply = (reads[name] ?? writes[name])?.(database, key, ...args.map(bytesOf))
        actual = comparable(name, JSON.parse(textOf(JSON.stringify(reply))))
      } catch (error) {
        if (!(error instanceof LuaError)) throw error
        actual = FAILED
      }
      const isTime = name === 'PTTL' && typeof actual === 'number' && actual > 0
      if (isTime) assert.ok(Math.abs((actual as number) - Number(expected)) < 2_000)
      else assert.deepEqual(actual, expected, log.slice(-20).join('\n'))
    }
  })

  void it('has the functions of Lua that scripts use', async () => {
    const patterns = [
      ...[
        '^%S+',
        '%d+$',
        '^(%d+) (.)(.*)$',
        '^=(.*)%z',
        '^(.-),"data":{',
        '%Z+',
        '[^,]+',
        '^[^{]*',
        '%u(%w+)',
      ],
    ]
    const texts = [
      '12 r\0é',
      '=a\0b\0c',
      '{"a":1},"data":{},"data":{',
      'a,b,,c',
      'ERR x',
      '',
      ' 7',
      'x:{12}:Xé',
    ]
    for (const text of texts)
      for (const pattern of patterns) {
        const bytes = bytesOf(text)
        const [from = false] = string.find(bytes, pattern)
        const found = [
          from,
          string.match(bytes, pattern),
          // Lua reads `^` here as a character.
          pattern.startsWith('^') || pattern.includes('(') ? [] : string.gmatch(bytes, pattern),
          [string.sub(bytes, 2), string.sub(bytes, -2), string.sub(bytes, 1, -2)],
        ]
        const inRedis = await redis.eval(FUNCTIONS, 0, text, pattern)
        assert.deepEqual(
          found.map((value) => comparable('', JSON.parse(textOf(JSON.stringify(value))))),
          inRedis,
        )
      }
  })

  void it('reads and writes JSON and numbers as Lua does', async () => {
    const documents = [
      ...['{"a":[],"b":null,"c":"é/\\u00e9\\u0001\\"","d":1.5}', '[1,null,true,{"":0}]', '"\\ud800"'],
      ...['[1e20,-0.25,12345678901234]', '{"a":'],
    ]
    for (const text of documents) {
      const inRedis = await redis.eval('return cjson.encode(cjson.decode(ARGV[1]))', 0, text).then(
        (json) => JSON.parse(String(json)) as unknown,
        () => FAILED,
      )
      const run = (): unknown => JSON.parse(textOf(cjson.encode(cjson.decode(bytesOf(text)))))
      if (inRedis === FAILED) assert.throws(run, LuaError)
      else assert.deepEqual(run(), inRedis, text)
    }
    for (const text of ['', ' ', '7', '-1.5e3', 'inf', '-inf', 'Infinity', '1a', '- 1', '.5']) {
      const inRedis = await redis.eval('return tostring(tonumber(ARGV[1]))', 0, text)
      assert.equal(globals.tostring(tonumber(text)), inRedis, text)
    }
    const numbers = [0, 1, 127, 128, 1796062861495, -3, undefined, 0.5, undefined]
    assert.deepEqual(cmsgpack.unpack(cmsgpack.pack(...numbers)), numbers)
  })
})
