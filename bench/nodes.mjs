// Measures 1, 2 and 3 gateways on one Redis, and 3 on clusters of 3 and 12 masters: node bench/nodes.mjs [nodes | cluster] [--quick]. The
// CPU time of an operation is that of its servers, added up. Without --quick the figures go to bench/results.json, of which the tables of
// docs/SCALING.md are made.
/* global performance */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { createRedisEngine } from '../dist/engine/index.js'
import { createGateway, createLog } from '../dist/gateway/index.js'
import { createToken } from '../dist/tokens/index.js'
import { PARTITIONS } from './calls.mjs'
import { withRedis } from './redis-servers.mjs'
import { changeResults } from './results.mjs'
import { appId, openSession, percentile, secret } from './setting.mjs'

const isQuick = process.argv.includes('--quick')
const WARM_UP = isQuick ? 300 : 2_000
const STARTS = isQuick ? 300 : 2_000
const STARTS_AT_ONCE = 25
/** Sessions that are started without being measured, so that many are idle. */
const MORE = isQuick ? 600 : 5_000
const PAIRS = isQuick ? 20 : 100
const MESSAGES = isQuick ? 500 : 4_000
const MESSAGES_PER_SECOND = isQuick ? 250 : 400
/** In seconds. */
const PING_INTERVAL = isQuick ? 2 : 25
/** Each session is pinged three times in 75 s, and the gateway stores the round-trip time of one of these pings. */
const IDLE_SECONDS = isQuick ? 6 : 75
/** How often the counts of an app are read in all partitions. */
const READINGS = isQuick ? 10 : 200
/** An idle time is measured in this many parts, whose differences are the noise. */
const IDLE_PARTS = 3
const body = 'Is the blue one still there? I would come for it on Saturday.'
const NAME = 'chat-session'

/** Serves with this engine, and reports its CPU time on request. */
const serve = async (engine) => {
  const gateway = createGateway(
    {
      listen: { port: 0 },
      pingInterval: PING_INTERVAL,
      engine,
      // All clients of a benchmark have one address.
      limits: { connectionsPerAddress: 1_000_000, connectionsPerSecondPerAddress: 1_000_000 },
      apps: {
        [appId]: {
          environment: 'production',
          secrets: [secret],
          origins: ['http://127.0.0.1'],
          limits: { messagesPerSecond: 1_000_000, requestsPerSecond: 1_000_000, bytesPerSecond: 2 ** 40 },
        },
      },
    },
    { env: {}, log: createLog({ level: 'error' }) },
  )
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send({ cpu: user + system, rss: process.memoryUsage.rss() })
  })
  process.on('disconnect', () => process.exit())
  process.send({ port: Number(new URL(await gateway.listen()).port) })
}

const startGateway = async (engine) => {
  const args = ['gateway', JSON.stringify(engine), ...(isQuick ? ['--quick'] : [])]
  const child = fork(new URL(import.meta.url), args)
  const [{ port }] = await once(child, 'message')
  return {
    port,
    async usage() {
      child.send('usage')
      return (await once(child, 'message'))[0]
    },
    async stop() {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

/**
 * Runs `work`. Returns microseconds of CPU time for each of `count` operations, without what the servers take in the same time without
 * sessions: `none` has this for a second.
 */
const measure = async (redis, gateways, count, work, none = { redis: 0, gateways: 0, generator: 0 }) => {
  const read = async () => ({
    redis: await redis.cpu(),
    gateways: (await Promise.all(gateways.map((each) => each.usage()))).reduce(
      (sum, { cpu }) => sum + cpu,
      0,
    ),
    generator: process.cpuUsage().user + process.cpuUsage().system,
    at: performance.now(),
  })
  const before = await read()
  await work()
  const after = await read()
  const seconds = (after.at - before.at) / 1_000
  const of = (name) => (after[name] - before[name] - none[name] * seconds) / count
  return { redis: of('redis'), gateways: of('gateways'), generator: of('generator') }
}

const waitAPart = () => new Promise((resolve) => setTimeout(resolve, (IDLE_SECONDS / IDLE_PARTS) * 1_000))

const meanOf = (parts, server) => parts.reduce((sum, part) => sum + part[server], 0) / parts.length

const text = ({ redis, gateways, generator }) =>
  `${gateways.toFixed(1)} µs of the gateways, ${redis.toFixed(1)} µs of Redis, ${generator.toFixed(1)} µs of the load generator`

/** Starts a session that answers `started` and pings. With the first answer the gateway confirms the session, which is a part of the start. */
const open = async (gateway, userId) => {
  const socket = await openSession(NAME, gateway.port, await createToken({ appId, userId, secret }))
  socket.on('message', (data) => {
    if (data.toString().startsWith('{"type":"ping"')) socket.send('{"type":"pong"}')
  })
  socket.send('{"type":"pong"}')
  return socket
}

/** Starts sessions of users `name 0` and so on, turn by turn on each gateway. */
const startSessions = async (gateways, name, count) => {
  const sockets = []
  let next = 0
  const starter = async () => {
    while (next < count) {
      const n = next++
      sockets.push(await open(gateways[n % gateways.length], `${name} ${n}`))
    }
  }
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, starter))
  return sockets
}

/** Opens pairs of users; if there are several gateways, sender and recipient are on two of them. */
const openPairs = (gateways) =>
  Promise.all(
    Array.from({ length: PAIRS }, async (_, n) => {
      const sender = await open(gateways[n % gateways.length], `sender ${n}`)
      const recipient = await open(gateways[(n + 1) % gateways.length], `recipient ${n}`)
      const waiting = new Map()
      recipient.on('message', (data) => {
        const frame = JSON.parse(data.toString())
        if (frame.type !== 'message') return
        waiting.get(frame.id)?.()
        waiting.delete(frame.id)
      })
      const send = (id) =>
        new Promise((resolve) => {
          const at = performance.now()
          waiting.set(id, () => resolve(performance.now() - at))
          sender.send(JSON.stringify({ type: 'send', id, to: `recipient ${n}`, body }))
        })
      return { send, sockets: [sender, recipient] }
    }),
  )

/** Sends at a steady rate. Returns the milliseconds to each recipient. */
const sendSteadily = async (pairs, name, count) => {
  const began = performance.now()
  const deliveries = []
  while (deliveries.length < count) {
    const due = Math.min(count, Math.ceil(((performance.now() - began) / 1_000) * MESSAGES_PER_SECOND))
    while (deliveries.length < due) {
      const n = deliveries.length
      deliveries.push(pairs[n % pairs.length].send(`${name}-${n}`))
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return Promise.all(deliveries)
}

/**
 * What an engine of this process takes to read the counts of an app in one partition of a cluster, beyond what the engine takes anyway.
 */
const measureCounts = async (name, redis) => {
  const engine = createRedisEngine({ server: redis.server })
  await engine.open()
  const none = await measure(redis, [], IDLE_SECONDS / IDLE_PARTS, waitAPart)
  const read = async () => {
    for (let n = 0; n < READINGS; n++) await engine.usage(appId)
  }
  const counts = await measure(redis, [], READINGS * PARTITIONS, read, none)
  await engine.close()
  console.log(
    `${name}: the counts of an app in a partition: ${counts.generator.toFixed(1)} µs of the gateway, ${counts.redis.toFixed(1)} µs of Redis`,
  )
  return { gateways: counts.generator, redis: counts.redis }
}

const measureNodes = async ({ name, count, masters }, redis) => {
  const bare = await measure(redis, [], IDLE_SECONDS / IDLE_PARTS, waitAPart)
  const counts = masters ? await measureCounts(name, redis) : {}
  const gateways = await Promise.all(Array.from({ length: count }, () => startGateway(redis.engine)))
  const percent = (microseconds) => (microseconds / 1e4).toFixed(2)
  const printIdle = async (sessions) => {
    const parts = []
    for (let part = 0; part < IDLE_PARTS; part++)
      parts.push(await measure(redis, gateways, IDLE_SECONDS / IDLE_PARTS, waitAPart))
    const idle = Object.fromEntries(
      ['gateways', 'redis', 'generator'].map((server) => [server, meanOf(parts, server)]),
    )
    console.log(
      `${name} with ${sessions} idle sessions: ${percent(idle.gateways)} % of a core of the gateways together, ${percent(idle.redis)} % of Redis`,
    )
    return { ...idle, parts }
  }
  const none = await printIdle(0)
  const sockets = await startSessions(gateways, 'warm up', WARM_UP)
  // The first sessions give each partition keys, which a sweep reads however many sessions follow.
  const few = await printIdle(sockets.length)
  const start = async () => sockets.push(...(await startSessions(gateways, 'user', STARTS)))
  const starts = await measure(redis, gateways, STARTS, start, none)
  console.log(`${name}: a start: ${text(starts)}`)
  sockets.push(...(await startSessions(gateways, 'more', MORE)))
  const idle = await printIdle(sockets.length)
  /** Undefined if it is below the noise: the parts of the times without sessions and with few of them differ by as much. */
  const perSession = (server) => {
    const parts = [...none.parts, ...few.parts].map((part) => part[server])
    const cost = idle[server] - few[server]
    return cost > Math.max(...parts) - Math.min(...parts) ? cost / (STARTS + MORE) : undefined
  }
  const idleText = (server) => perSession(server)?.toFixed(2) ?? 'below the noise'
  console.log(
    `${name}: µs of CPU a second for an idle session: ${idleText('gateways')} of the gateways, ${idleText('redis')} of Redis`,
  )
  const pairs = await openPairs(gateways)
  await sendSteadily(pairs, 'warm up', MESSAGES)
  let times = []
  const send = async () => (times = await sendSteadily(pairs, 'message', MESSAGES))
  const sends = await measure(redis, gateways, MESSAGES, send, none)
  console.log(`${name}: a message at ${MESSAGES_PER_SECOND} a second: ${text(sends)}`)
  console.log(
    `${name}: milliseconds to the recipient: p50 ${percentile(times, 50).toFixed(1)}, p99 ${percentile(times, 99).toFixed(1)}`,
  )
  for (const socket of [...sockets, ...pairs.flatMap((pair) => pair.sockets)]) socket.terminate()
  await Promise.all(gateways.map((each) => each.stop()))
  const both = (numberOf) => ({ gateways: numberOf('gateways'), redis: numberOf('redis') })
  return {
    start: both((server) => starts[server]),
    message: both((server) => sends[server]),
    idle: both(perSession),
    counts,
    bare: { redis: bare.redis / 1_000 },
    none: both((server) => none[server] / 1_000),
    median: { gateways: percentile(times, 50) },
    p99: { gateways: percentile(times, 99) },
  }
}

const units = {
  start: "µs of CPU for a start of a new user's session",
  message: 'µs of CPU for a message',
  idle: 'µs of CPU a second for an idle session',
  counts: 'µs of CPU for reading the counts of an app in a partition',
  bare: 'ms of CPU a second without gateways',
  none: 'ms of CPU a second without sessions',
  median: 'ms to the recipient, median',
  p99: 'ms to the recipient, p99',
}

/** What is measured: the results, and for each contestant its gateways, and its masters if they are a cluster. */
const plans = {
  nodes: {
    title: 'Gateways on one Redis',
    contestants: [
      { name: 'one gateway', count: 1 },
      { name: 'two gateways', count: 2 },
      { name: 'three gateways', count: 3 },
    ],
  },
  cluster: {
    title: 'Three gateways on a Redis Cluster',
    contestants: [
      { name: '3 masters', count: 3, masters: 3 },
      { name: '12 masters', count: 3, masters: 12 },
    ],
  },
}

/** Returns a result in the form of a row's, of the measured numbers of each contestant. */
const resultOf = (plan, measured) => {
  const { title, contestants } = plans[plan]
  const isCluster = plan === 'cluster'
  const nameOf = (server, { name }) =>
    server === 'redis' ? `Redis, ${name}` : isCluster ? `gateways, ${name}` : name
  return {
    title,
    method: `${STARTS.toLocaleString('en')} starts, ${STARTS_AT_ONCE} at once, and ${MESSAGES.toLocaleString('en')} messages of 61 bytes at ${MESSAGES_PER_SECOND} a second, after as many to warm up; senders and recipients are on different gateways if there are several. Idle sessions answer pings; the cost of one is the difference between ${WARM_UP.toLocaleString('en')} and ${(WARM_UP + STARTS + MORE).toLocaleString('en')}. The CPU times are those of all gateways together and of ${isCluster ? 'all masters together' : 'Redis'}, with \`appendfsync everysec\`; those of starts and messages are without what the servers take in the same time without sessions. A cost of idle sessions is left out if it is not above the differences between six measurements without sessions and with the fewer ones.`,
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    cores: availableParallelism(),
    rounds: 1,
    figures: Object.entries(units).map(([figure, unit]) => ({
      ...{ figure: `${plan}-${figure}`, unit },
      contestants: ['gateways', 'redis'].flatMap((server) =>
        contestants.flatMap((contestant, index) => {
          const median = measured[index][figure][server]
          if (median === undefined) return []
          const number = Number(median.toPrecision(3))
          return [{ name: nameOf(server, contestant), median: number, least: number, most: number }]
        }),
      ),
    })),
  }
}

if (process.argv[2] === 'gateway') await serve(JSON.parse(process.argv[3]))
else
  for (const [plan, { contestants }] of Object.entries(plans)) {
    if (Object.keys(plans).some((other) => other !== plan && process.argv.includes(other))) continue
    const measured = []
    for (const contestant of contestants) {
      const settings = { appendonly: 'yes' }
      measured.push(
        await withRedis({ masters: contestant.masters, settings }, (redis) =>
          measureNodes(contestant, redis),
        ),
      )
    }
    if (!isQuick)
      await changeResults((results) => {
        results[plan] = resultOf(plan, measured)
      })
  }
