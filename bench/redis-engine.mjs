// Measures a Redis engine alone, without gateways: node bench/redis-engine.mjs prints sends and starts a second, beside minimal scripts
// that store a message and a session. With --memory it measures the memory that Redis needs, and writes it to bench/results.json, of which
// a table of docs/SCALING.md is made.
/* global performance */
import { availableParallelism } from 'node:os'
import { Redis } from 'ioredis'
import { createMemoryEngine, createRedisEngine } from '../dist/engine/index.js'
import { withRedis } from './redis-servers.mjs'
import { changeResults } from './results.mjs'

const USERS = 1_000
const AT_ONCE = 100
const CALLS = 20_000
const DAY = 86_400_000

const BODY = 'Is the blue one still there? I would come for it on Saturday.'

const rules = {
  sendWindow: DAY,
  retention: { messages: 1_000, age: 30 * DAY, bytes: 1e9 },
  unknownRecipients: true,
  unknownSenders: true,
  unreadPerSender: 1,
  quota: { inboxes: 1e9, bytes: 1e15 },
}

/** Users whose inboxes are full, since they keep fewer messages than the first run sends them. */
const FULL = 20
const SHORT = { ...rules.retention, messages: 500 }

/** Calls `call` this many times, some at once. Returns calls a second. */
const rate = async (call) => {
  const began = performance.now()
  let next = 0
  const worker = async () => {
    while (next < CALLS) await call(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return Math.round((CALLS / (performance.now() - began)) * 1_000)
}

const requestOf = (userId, id) => ({
  ...{ appId: 'app', userId, guest: false, origin: 'https://example.com', address: '203.0.113.1' },
  ...{ client: 'bench/1', node: 'bench', hidden: false, resumableFor: 60_000, sessionsPerUser: 10 },
  credential: { authMethod: 'token', tokenId: null, issuedAt: Date.now(), expiresAt: null },
  ...{ connectionId: `connection ${id}`, keyHash: `a hash of 44 characters, as of a key ${id}` },
})

/** Calls `call` this many times in a second for five seconds, each on its own. */
const paced = async (perSecond, call) => {
  const began = performance.now()
  const calls = []
  while (calls.length < 5 * perSecond) {
    const due = Math.min(5 * perSecond, ((performance.now() - began) / 1_000) * perSecond)
    while (calls.length < due) calls.push(call(calls.length))
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(calls)
  return calls.length
}

/** Prints calls a second, and the CPU time that a call takes of this process and of Redis. */
const report = async (name, what, redis, run, calls = CALLS) => {
  const [cpu, before] = [process.cpuUsage(), await redis?.cpu()]
  const perSecond = await run()
  const { user, system } = process.cpuUsage(cpu)
  const own = `${((user + system) / calls).toFixed(1)} µs of this process`
  const its = redis ? `, ${(((await redis.cpu()) - before) / calls).toFixed(1)} µs of Redis` : ''
  console.log(`${name}: ${perSecond} ${what} a second, ${own}${its} each`)
}

/** Few messages a second: most of the time goes into waking up. */
const SLOW = 400
const reportSends = async (name, redis, send) => {
  await rate(send())
  await report(name, 'sends', redis, () => rate(send()))
  if (redis) await report(name, 'sends', redis, () => paced(SLOW, send()).then(() => SLOW), 5 * SLOW)
}

/** The least that Redis can do for a message: two offsets, the id with its time, an entry in both inboxes, and one publication. */
const MINIMAL = `
local known = redis.call('GET', KEYS[5])
if known then return known end
local own, theirs = redis.call('INCR', KEYS[1]), redis.call('INCR', KEYS[2])
redis.call('XADD', KEYS[3], own .. '-1', 'm', ARGV[1])
redis.call('XADD', KEYS[4], theirs .. '-1', 'm', ARGV[1])
redis.call('SET', KEYS[5], own .. ' ' .. theirs, 'PX', ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[1])
return { own, theirs }`

/** The least for a start: a record, an index, and one publication. */
const MINIMAL_START = `
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('PUBLISH', ARGV[4], ARGV[2])
return 1`

const measureMinimal = async (name, redis) => {
  const client = new Redis(redis.server.url)
  client.defineCommand('minimal', { numberOfKeys: 5, lua: MINIMAL })
  client.defineCommand('minimalStart', { numberOfKeys: 2, lua: MINIMAL_START })
  let run = 0
  await reportSends(`${name}, a minimal script`, redis, () => {
    const round = ++run
    return (n) => {
      const [from, to] = [n % USERS, (n * 7 + 1) % USERS]
      const message = JSON.stringify({
        id: `${round}-${n}`,
        from: `user ${from}`,
        to: `user ${to}`,
        body: BODY,
      })
      const keys = [`o:${from}`, `o:${to}`, `i:${from}`, `i:${to}`, `k:${round}-${n}`]
      return client.minimal(...keys, message, DAY, 'node')
    }
  })
  const start = () => {
    const round = ++run
    return rate((n) => {
      const record = JSON.stringify(requestOf(`user ${round} ${n}`, `${round}-${n}`))
      return client.minimalStart(`s:${round} ${n}`, 'live', `session ${round}-${n}`, record, n, 'node')
    })
  }
  await start()
  await report(`${name}, a minimal script`, 'starts', redis, start)
  await client.quit()
}

const measure = async (name, engine, redis) => {
  await engine.open()
  let run = 0
  const send =
    (users, of = rules) =>
    () => {
      const round = ++run
      return (n) =>
        engine.send(
          {
            appId: 'app',
            id: `${users} ${round}-${n}`,
            from: `user ${n % users}`,
            to: `user ${(n * 7 + 1) % users}`,
            body: BODY,
          },
          of,
        )
    }
  const start = () => {
    const round = ++run
    return rate((n) => engine.startSession(requestOf(`user ${round} ${n}`, `${round}-${n}`)))
  }
  await reportSends(name, redis, send(USERS))
  await reportSends(`${name}, full inboxes`, redis, send(FULL, { ...rules, retention: SHORT }))
  await start()
  await report(name, 'starts', redis, start)
  await engine.close()
}

/** How many messages an inbox gets after its first. */
const MORE_MESSAGES = 9

/** What is stored, and how many times for each user. */
const stored = {
  'bytes of Redis for a user with a session': 1,
  'bytes of Redis for an inbox with its first message': 1,
  'bytes of Redis for each more message': MORE_MESSAGES,
}

/** Returns the bytes that Redis needs for each of `stored`. */
const measureMemory = async (engine, redis) => {
  await engine.open()
  const of = (n) => ({ appId: 'app', userId: `user-${String(n).padStart(8, '0')}` })
  const send = (n, id) =>
    engine.send(
      { appId: 'app', id: `${n}-${id}`, from: null, to: of(n).userId, body: 'x'.repeat(200) },
      rules,
    )
  const calls = [
    async (n) => {
      await engine.saveUser(of(n), { vouched: { profile: { name: `Ada ${n}` }, issuedAt: Date.now() } })
      await engine.startSession(requestOf(of(n).userId, `m-${n}`))
    },
    (n) => send(n, 'first'),
    async (n) => {
      for (let id = 0; id < MORE_MESSAGES; id++) await send(n, id)
    },
  ]
  const bytes = {}
  for (const [index, [what, times]] of Object.entries(stored).entries()) {
    const before = await redis.memory()
    await rate(calls[index])
    bytes[what] = Number((((await redis.memory()) - before) / CALLS / times).toPrecision(3))
  }
  await engine.close()
  return bytes
}

const engineOf = ({ server }) => createRedisEngine({ server })

const measureSpeed = async () => {
  console.log(
    `${CALLS} calls, ${AT_ONCE} at once, after as many to warm up; ${USERS} users who write to each other`,
  )
  await measure('memory', createMemoryEngine())
  for (const [name, settings] of [
    ['Redis without a file', { appendonly: 'no' }],
    ['Redis, appendfsync everysec', { appendonly: 'yes', appendfsync: 'everysec' }],
    ['Redis, appendfsync always', { appendonly: 'yes', appendfsync: 'always' }],
  ])
    await withRedis({ settings }, async (redis) => {
      await measure(name, engineOf(redis), redis)
      await measureMinimal(name, redis)
    })
}

const writeMemory = async () => {
  const settings = {
    'as Redis is installed': {},
    'stream-node-max-bytes 512': { 'stream-node-max-bytes': 512 },
  }
  const measured = []
  for (const [name, own] of Object.entries(settings))
    measured.push([
      name,
      await withRedis({ settings: own }, (redis) => measureMemory(engineOf(redis), redis)),
    ])
  await changeResults((results) => {
    results['redis-memory'] = {
      title: 'Memory of Redis',
      method: `The growth of Redis's \`used_memory\` by ${CALLS.toLocaleString('en')} users. Each has a name, a session, and an inbox of ${MORE_MESSAGES + 1} messages of 200 bytes, with the ids of these messages.`,
      date: new Date().toISOString().slice(0, 10),
      node: process.versions.node,
      cores: availableParallelism(),
      rounds: 1,
      figures: Object.keys(stored).map((unit, index) => ({
        ...{ figure: ['redis-user', 'redis-inbox', 'redis-message'][index], unit },
        contestants: measured.map(([name, { [unit]: median }]) => ({
          ...{ name, median, least: median, most: median },
        })),
      })),
    }
  })
}

await (process.argv.includes('--memory') ? writeMemory() : measureSpeed())
