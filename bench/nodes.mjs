// Measures 1, 2 and 3 gateways on one Redis: node bench/nodes.mjs [--quick]. The CPU time of an operation is that of its server. Without --quick
// the figures go to bench/results.json, of which the table of docs/SCALING.md is made.
/* global performance */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectTo, createServer } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createGateway, createLog } from '../dist/gateway/index.js'
import { createToken } from '../dist/tokens/index.js'
import { changeResults } from './results.mjs'
import { appId, openSession, percentile, secret } from './setting.mjs'

const isQuick = process.argv.includes('--quick')
const WARM_UP = isQuick ? 300 : 2_000
const STARTS = isQuick ? 300 : 2_000
const STARTS_AT_ONCE = 25
const PAIRS = isQuick ? 20 : 100
const MESSAGES = isQuick ? 500 : 4_000
const MESSAGES_PER_SECOND = isQuick ? 250 : 400
/** In seconds. */
const PING_INTERVAL = isQuick ? 2 : 25
/** Each session is pinged three times in 75 s, and the gateway stores the round-trip time of one of these pings. */
const IDLE_SECONDS = isQuick ? 6 : 75
/** The time without sessions is measured in this many parts, whose differences are the noise. */
const IDLE_PARTS = 3
const body = 'Is the blue one still there? I would come for it on Saturday.'
const NAME = 'chat-session'

/** Serves with the Redis of this URL, and reports its CPU time on request. */
const serve = async (url) => {
  const gateway = createGateway(
    {
      listen: { port: 0 },
      pingInterval: PING_INTERVAL,
      engine: { type: 'redis', url },
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

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

const startRedis = async (folder) => {
  const port = await freePort()
  const child = spawn(
    'redis-server',
    ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'],
    { stdio: 'ignore' },
  )
  /** What Redis says about a section, as numbers. */
  const info = async (section) => {
    const socket = connectTo(port, '127.0.0.1')
    socket.write(`INFO ${section}\r\n`)
    const [data] = await once(socket, 'data')
    socket.destroy()
    return Object.fromEntries(
      [...data.toString().matchAll(/^(\w+):([\d.]+)\r?$/gm)].map(([, name, value]) => [name, Number(value)]),
    )
  }
  for (;;) {
    try {
      await info('server')
      break
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    cpu: async () => {
      const { used_cpu_user: user, used_cpu_sys: system } = await info('cpu')
      return (user + system) * 1e6
    },
    memory: async () => (await info('memory')).used_memory,
    async stop() {
      child.kill()
      await once(child, 'exit')
    },
  }
}

const startGateway = async (url) => {
  const child = fork(new URL(import.meta.url), ['gateway', url, ...(isQuick ? ['--quick'] : [])])
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

/** Runs `work`. Returns microseconds of CPU time for each of `count` operations, and the time that it took in milliseconds. */
const measure = async (redis, gateways, count, work) => {
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
  const of = (name) => (after[name] - before[name]) / count
  return {
    redis: of('redis'),
    gateways: of('gateways'),
    generator: of('generator'),
    took: after.at - before.at,
  }
}

const waitAPart = () => new Promise((resolve) => setTimeout(resolve, (IDLE_SECONDS / IDLE_PARTS) * 1_000))

const meanOf = (parts, server) => parts.reduce((sum, part) => sum + part[server], 0) / parts.length

const text = ({ redis, gateways, generator }) =>
  `${gateways.toFixed(1)} µs of the gateways, ${redis.toFixed(1)} µs of Redis, ${generator.toFixed(1)} µs of the load generator`

/** Starts a session that answers pings. */
const open = async (gateway, userId) => {
  const socket = await openSession(NAME, gateway.port, await createToken({ appId, userId, secret }))
  socket.on('message', (data) => {
    if (data.toString().startsWith('{"type":"ping"')) socket.send('{"type":"pong"}')
  })
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

const measureNodes = async (count, folder) => {
  const redis = await startRedis(folder)
  const gateways = await Promise.all(Array.from({ length: count }, () => startGateway(redis.url)))
  const percent = (microseconds) => (microseconds / 1e4).toFixed(2)
  const printIdle = async (sessions) => {
    const parts = []
    for (let part = 0; part < IDLE_PARTS; part++)
      parts.push(await measure(redis, gateways, IDLE_SECONDS / IDLE_PARTS, waitAPart))
    const idle = { gateways: meanOf(parts, 'gateways'), redis: meanOf(parts, 'redis') }
    console.log(
      `${count} gateways with ${sessions} idle sessions: ${percent(idle.gateways)} % of a core of the gateways together, ${percent(idle.redis)} % of Redis`,
    )
    return { ...idle, parts }
  }
  const none = await printIdle(0)
  const sockets = await startSessions(gateways, 'warm up', WARM_UP)
  const empty = await redis.memory()
  const starts = await measure(redis, gateways, STARTS, async () => {
    sockets.push(...(await startSessions(gateways, 'user', STARTS)))
  })
  console.log(`${count} gateways, a start: ${text(starts)}`)
  if (count === 1)
    console.log(
      `Redis's memory for a user with a session: ${Math.round(((await redis.memory()) - empty) / STARTS)} bytes`,
    )
  const idle = await printIdle(sockets.length)
  /** Undefined if it is below the noise: the parts of the time without sessions differ by as much. */
  const perSession = (server) => {
    const parts = none.parts.map((part) => part[server])
    const cost = idle[server] - none[server]
    return cost > Math.max(...parts) - Math.min(...parts) ? cost / sockets.length : undefined
  }
  const idleText = (server) => perSession(server)?.toFixed(2) ?? 'below the noise'
  console.log(
    `${count} gateways, µs of CPU a second for an idle session: ${idleText('gateways')} of the gateways, ${idleText('redis')} of Redis`,
  )
  const pairs = await openPairs(gateways)
  await sendSteadily(pairs, 'warm up', MESSAGES)
  const before = await redis.memory()
  let times = []
  const sends = await measure(redis, gateways, MESSAGES, async () => {
    times = await sendSteadily(pairs, 'message', MESSAGES)
  })
  console.log(`${count} gateways, a message at ${MESSAGES_PER_SECOND} a second: ${text(sends)}`)
  console.log(
    `${count} gateways, milliseconds to the recipient: p50 ${percentile(times, 50).toFixed(1)}, p99 ${percentile(times, 99).toFixed(1)}`,
  )
  if (count === 1)
    console.log(
      `Redis's memory for a message: ${Math.round(((await redis.memory()) - before) / MESSAGES)} bytes`,
    )
  for (const socket of [...sockets, ...pairs.flatMap((pair) => pair.sockets)]) socket.terminate()
  await Promise.all(gateways.map((each) => each.stop()))
  await redis.stop()
  const both = (numberOf) => ({ gateways: numberOf('gateways'), redis: numberOf('redis') })
  return {
    'nodes-start': both((server) => starts[server]),
    'nodes-message': both((server) => sends[server]),
    'nodes-idle': both(perSession),
    'nodes-none': both((server) => none[server] / 1_000),
    'nodes-median': { gateways: percentile(times, 50) },
    'nodes-p99': { gateways: percentile(times, 99) },
  }
}

const units = {
  'nodes-start': "µs of CPU for a start of a new user's session",
  'nodes-message': 'µs of CPU for a message',
  'nodes-idle': 'µs of CPU a second for an idle session',
  'nodes-none': 'ms of CPU a second without sessions',
  'nodes-median': 'ms to the recipient, median',
  'nodes-p99': 'ms to the recipient, p99',
}

/** Returns the result in the form of a row's, of the measured numbers of 1, 2 and 3 gateways. */
const resultOf = (measured) => ({
  title: 'Gateways on one Redis',
  method: `${STARTS.toLocaleString('en')} starts, ${STARTS_AT_ONCE} at once, and ${MESSAGES.toLocaleString('en')} messages of 61 bytes at ${MESSAGES_PER_SECOND} a second, after as many to warm up; senders and recipients are on different gateways if there are several. Idle sessions are ${(WARM_UP + STARTS).toLocaleString('en')}, and answer pings. The CPU times are those of all gateways together and of Redis, with \`appendfsync everysec\`. A cost of idle sessions is left out if it is not above the differences between three measurements without sessions.`,
  date: new Date().toISOString().slice(0, 10),
  node: process.versions.node,
  cores: availableParallelism(),
  rounds: 1,
  figures: Object.entries(units).map(([figure, unit]) => ({
    ...{ figure, unit },
    contestants: ['gateways', 'redis'].flatMap((server) =>
      measured.flatMap((figures, index) => {
        const median = figures[figure][server]
        if (median === undefined) return []
        const count = ['one gateway', 'two gateways', 'three gateways'][index]
        const name = server === 'redis' ? `Redis, ${count}` : count
        const number = Number(median.toPrecision(3))
        return [{ name, median: number, least: number, most: number }]
      }),
    ),
  })),
})

if (process.argv[2] === 'gateway') await serve(process.argv[3])
else {
  const measured = []
  for (const count of [1, 2, 3]) {
    const folder = await mkdtemp(join(tmpdir(), 'chat-session-bench-'))
    measured.push(await measureNodes(count, folder))
    await rm(folder, { recursive: true, force: true })
  }
  if (!isQuick)
    await changeResults((results) => {
      results.nodes = resultOf(measured)
    })
}
