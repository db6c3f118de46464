// Says who calls Redis, and how often: node bench/calls.mjs [--quick]. Real gateways in one process, 2, 4 and 8 of them on a cluster of
// three masters, count their calls. `perSecond` has the same calls as a formula, from which follows what 200 gateways call. Without --quick
// the figures go to bench/results.json, of which the tables of docs/SCALING.md are made.
/* global performance */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
import { withRedis } from './redis-servers.mjs'
import { changeResults } from './results.mjs'
import { appId, openSession, secret, tokenOf } from './setting.mjs'

export const PARTITIONS = 1_024

/**
 * The calls a second that gateways make without users, by what they are for. `counted` returns them from counts: `scripts` by their names,
 * and `commands` that the servers report. The numbers are those of the engine: leases and sweeps each second, numbers of publications and
 * watches each 15 s, counts of an app each 5 s, a look at the masters each 2 s, and a ping of both connections to each master each 0.5 s.
 */
export const background = [
  {
    what: 'leases',
    growsWith: 'gateways',
    perSecond: ({ gateways }) => gateways,
    counted: ({ scripts }) => scripts['beat'],
  },
  {
    what: 'sweeps of partitions',
    growsWith: 'nothing',
    perSecond: () => PARTITIONS,
    counted: ({ scripts }) => scripts['listDue'],
  },
  {
    what: 'numbers of publications',
    growsWith: 'gateways × masters',
    perSecond: ({ gateways, masters }) => (gateways * masters) / 15,
    counted: ({ scripts }) => scripts['published'],
  },
  {
    what: 'counts of an app that sends',
    growsWith: 'gateways × apps',
    perSecond: ({ gateways, apps }) => (gateways * apps * PARTITIONS) / 5,
    counted: ({ scripts }) => scripts['readCounts'],
  },
  {
    what: 'renewals of watches of presence',
    growsWith: 'gateways, or watched users if these are fewer',
    // A call renews the watches of all users in a partition.
    perSecond: ({ gateways, watched = 0 }) => (gateways * Math.min(watched / gateways, PARTITIONS)) / 15,
    counted: ({ scripts }) => scripts['watch'] ?? 0,
  },
  {
    what: 'looks at the masters',
    growsWith: 'gateways',
    perSecond: ({ gateways }) => gateways / 2,
    counted: ({ commands }) => commands['cluster|slots'],
  },
  {
    what: 'pings',
    growsWith: 'gateways × masters',
    perSecond: ({ gateways, masters }) => gateways * masters * 4,
    counted: ({ commands }) => commands['ping'],
  },
]

/** The scripts that gateways run without users, or once for a gateway. They are no part of an operation. */
const BACKGROUND = [
  ...['open', 'configure', 'touchApps', 'beat', 'removeNode', 'listDue', 'listAging', 'listAttached'],
  ...['listHistories', 'published', 'readCounts', 'eventsDue', 'noteState', 'watch'],
  // A sweep may see the own copy of a message that is on its way.
  'pendingOwnCopies',
]

/** Returns how many calls a second gateways make for no user, and for a number of operations a second. */
export const callsPerSecond = (world, operations) =>
  background.reduce((sum, { perSecond }) => sum + perSecond(world), 0) +
  operations.reduce((sum, { perSecond, calls }) => sum + perSecond * calls, 0)

const MASTERS = 3
/** The app of the webhooks. */
const HOOKED = 'hooked'
const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 'webhooks').toString('base64')}`
const RESUME_WINDOW = 1
/** How many milliseconds without a call mean that an operation has ended. */
const QUIET = 150

/** Counts what the engines of this process call, and what reaches them. */
const createCounter = async () => {
  const { createRedisClient } = await import('../dist/engine/redis/client/index.js')
  const state = { scripts: {}, heard: 0, running: 0, lastAt: 0 }
  const clientOf = (server) => {
    const client = createRedisClient(server)
    const [run, open] = [client.run.bind(client), client.open.bind(client)]
    client.run = async (script, keys, args) => {
      state.scripts[script.name] = (state.scripts[script.name] ?? 0) + 1
      const isOfOperation = !BACKGROUND.includes(script.name)
      if (isOfOperation) state.running++
      try {
        return await run(script, keys, args)
      } finally {
        if (isOfOperation) {
          state.running--
          state.lastAt = performance.now()
        }
      }
    }
    client.open = (events) =>
      open({
        ...events,
        onMessage: (...args) => {
          state.heard++
          state.lastAt = performance.now()
          events.onMessage(...args)
        },
      })
    return client
  }
  return {
    clientOf,
    read: () => ({ scripts: { ...state.scripts }, heard: state.heard }),
    async quiet() {
      while (state.running > 0 || performance.now() - state.lastAt < QUIET) await wait(QUIET / 3)
    },
    /** Resolves when the script has run `times` times more than before. */
    async ran(name, before, times) {
      while ((state.scripts[name] ?? 0) < (before.scripts[name] ?? 0) + times) await wait(QUIET / 3)
    },
    /** Resolves when gateways have heard `times` more texts than before. */
    async heard(before, times) {
      while (state.heard < before.heard + times) await wait(QUIET / 3)
    },
  }
}

/** Starts an endpoint of webhooks. */
const startEndpoint = async () => {
  const state = { events: 0 }
  const server = createServer((request, response) => {
    state.events++
    request.resume().on('end', () => response.writeHead(204).end())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    state,
    url: `http://127.0.0.1:${server.address().port}/`,
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const startGateway = async (server, counter, endpoint) => {
  const { createGateway, createLog } = await import('../dist/gateway/index.js')
  const { createSharedEngine } = await import('../dist/engine/redis/redis-engine.js')
  const app = {
    environment: 'production',
    secrets: [secret],
    origins: ['http://127.0.0.1'],
    unknownRecipients: true,
  }
  const gateway = createGateway(
    {
      listen: { port: 0 },
      resumeWindow: RESUME_WINDOW,
      limits: { connectionsPerAddress: 1_000_000, connectionsPerSecondPerAddress: 1_000_000 },
      apps: {
        [appId]: app,
        [HOOKED]: {
          ...app,
          secrets: [`${secret}, of another app`],
          webhooks: { url: endpoint.url, secrets: [WEBHOOK_SECRET], events: ['message.created'] },
        },
      },
    },
    {
      env: {},
      log: createLog({ level: 'error' }),
      engine: createSharedEngine({ client: () => counter.clientOf(server) }),
    },
  )
  const { port } = new URL(await gateway.listen())
  return { gateway, port: Number(port) }
}

/** Opens a session. `send` resolves when the gateway has stored the message. */
const open = async ({ port }, userId) => {
  const socket = await openSession('chat-session', port, await tokenOf(userId))
  const waiting = new Map()
  socket.on('message', (data) => {
    const frame = JSON.parse(data.toString())
    if (frame.type === 'ping') socket.send('{"type":"pong"}')
    if (frame.type === 'sent') waiting.get(frame.id)?.()
  })
  // The answer to `started`, by which the gateway confirms the session.
  socket.send('{"type":"pong"}')
  const send = (id, to) =>
    new Promise((resolve) => {
      waiting.set(id, resolve)
      socket.send(JSON.stringify({ type: 'send', id, to, body: 'Hello' }))
    })
  return { socket, send }
}

/** What one of `times` operations calls, by the names of scripts, and how many published texts reach gateways. */
const each = (before, after, times) => {
  const names = Object.keys(after.scripts).filter((name) => !BACKGROUND.includes(name))
  const scripts = names
    .map((name) => [name, (after.scripts[name] - (before.scripts[name] ?? 0)) / times])
    .filter(([, calls]) => calls !== 0)
    .toSorted()
  return {
    scripts: Object.fromEntries(scripts),
    calls: scripts.reduce((sum, [, calls]) => sum + calls, 0),
    heard: (after.heard - before.heard) / times,
  }
}

/**
 * Counts the calls of so many gateways on a cluster. `operations` has those for starts, a message, a webhook event and a lost connection,
 * `rates` has those a second without users, if there are `seconds` to count them.
 */
export const countCalls = async (gateways, { times = 2 * gateways, seconds = 0 } = {}) =>
  withRedis({ masters: MASTERS }, async ({ server, commands }) => {
    const counter = await createCounter()
    const endpoint = await startEndpoint()
    const nodes = []
    try {
      for (let n = 0; n < gateways; n++) nodes.push(await startGateway(server, counter, endpoint))
      const nodeOf = (n) => nodes[n % gateways]
      /** Runs an operation some times, one after the other. */
      const count = async (run, end = () => undefined) => {
        await counter.quiet()
        const before = counter.read()
        for (let n = 0; n < times; n++) {
          await run(n)
          await counter.quiet()
        }
        await end(before)
        await counter.quiet()
        return each(before, counter.read(), times)
      }
      /** Opens a session, and waits until its gateway has confirmed it. On a busy machine this takes longer than `QUIET`. */
      const openConfirmed = async (n, userId) => {
        const before = counter.read()
        const session = await open(nodeOf(n), userId)
        await counter.ran('changeSession', before, 1)
        return session
      }
      const sessions = []
      const start = await count(async (n) => sessions.push(await openConfirmed(n, `user ${n}`)))
      /** Each user writes to the next, who is at another gateway. */
      const send = (n, id) => sessions[n].send(id, `user ${(n + 1) % times}`)
      for (let n = 0; n < times; n++) await send(n, `warm up ${n}`)
      const message = await count(
        (n) => send(n, `message ${n}`),
        (before) => counter.heard(before, times),
      )
      const { events } = endpoint.state
      const webhook = await count(
        async (n) => {
          await nodeOf(n).gateway.publish({ appId: HOOKED, to: `other ${n}`, body: 'Hello' })
        },
        (before) => counter.ran('endDelivery', before, times),
      )
      if (endpoint.state.events !== events + times) throw new Error('An event was delivered twice, or never.')
      const lost = []
      for (let n = 0; n < times; n++) lost.push(await openConfirmed(n, `lost ${n}`))
      const loss = await count(
        (n) => lost[n].socket.terminate(),
        (before) => counter.ran('due', before, times),
      )
      const again = await count(async (n) => lost.push(await openConfirmed(n, `lost ${n}`)))
      let rates
      if (seconds > 0) {
        const unwatched = counter.read()
        // Each user watches the one who has written to the user.
        for (let n = 0; n < times; n++) {
          const userId = `user ${(n - 1 + times) % times}`
          sessions[n].socket.send(JSON.stringify({ type: 'watch', users: [userId] }))
        }
        await counter.ran('watch', unwatched, times)
        const before = { ...counter.read(), commands: await commands(), at: performance.now() }
        for (let second = 0; second < seconds; second++) {
          // A gateway counts an app's messages only while it sends some.
          for (let n = 0; n < gateways; n++) await send(n, `background ${second} ${n}`)
          await wait(1_000)
        }
        const after = { ...counter.read(), commands: await commands() }
        const took = (performance.now() - before.at) / 1_000
        const rateOf = (kind) =>
          Object.fromEntries(
            Object.entries(after[kind]).map(([name, calls]) => [
              name,
              (calls - (before[kind][name] ?? 0)) / took,
            ]),
          )
        const found = { scripts: rateOf('scripts'), commands: rateOf('commands') }
        rates = background.map(({ counted }) => counted(found))
      }
      return { operations: { start, again, message, webhook, loss }, rates }
    } finally {
      await Promise.all(nodes.map(({ gateway }) => gateway.close()))
      endpoint.stop()
    }
  })

const titles = {
  start: 'a start of a new user',
  again: 'a start of a known user',
  message: 'a message',
  webhook: 'a message of the backend, with its webhook',
  loss: 'a lost connection that nobody resumes',
}

const COUNTED = [2, 4, 8]
/** What `countCalls` makes: each user writes to one other, and watches one other. */
const worldOf = (gateways) => ({ gateways, masters: MASTERS, apps: 1, watched: 2 * gateways })
/** What is reckoned: see bench/capacity.mjs. */
const MANY = { gateways: 200, masters: 12, apps: 1, watched: 1_000_000 }

const result = (rest) => ({
  ...rest,
  date: new Date().toISOString().slice(0, 10),
  node: process.versions.node,
  cores: availableParallelism(),
  rounds: 1,
})

const contestantsOf = (numbers) =>
  numbers.map(([name, value]) => {
    const median = Number(value.toPrecision(4))
    return { name, median, least: median, most: median }
  })

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const isQuick = process.argv.includes('--quick')
  const seconds = isQuick ? 10 : 60
  const found = []
  for (const gateways of COUNTED) {
    const counted = await countCalls(gateways, { seconds })
    found.push(counted)
    console.log(`${gateways} gateways, for one operation:`, counted.operations)
    background.forEach(({ what, perSecond }, n) =>
      console.log(
        `${gateways} gateways, calls a second, ${what}: ${counted.rates[n].toFixed(1)} counted, ${perSecond(worldOf(gateways)).toFixed(1)} by the formula`,
      ),
    )
  }
  const names = COUNTED.map((gateways) => `${gateways} gateways`)
  if (!isQuick)
    await changeResults((results) => {
      results.calls = result({
        title: 'Calls of Redis without users',
        method: `Calls a second of gateways on a cluster of ${MASTERS} masters, counted for ${seconds} s. Each sends a message a second, and watches the presence of two users. ${MANY.gateways} gateways are not counted: their calls, on ${MANY.masters} masters and with ${MANY.watched.toLocaleString('en')} watched users, follow from the intervals by which the engine works.`,
        figures: background.map(({ what, growsWith, perSecond }, n) => ({
          figure: `calls-${n}`,
          unit: `${what}: grow with ${growsWith}`,
          contestants: contestantsOf([
            ...names.map((name, index) => [name, found[index].rates[n]]),
            [`${MANY.gateways} gateways`, perSecond(MANY)],
          ]),
        })),
      })
      results['calls-each'] = result({
        title: 'Calls of Redis for an operation',
        method: `Gateways on a cluster of ${MASTERS} masters. Sender and recipient of a message are on two gateways.`,
        figures: Object.entries(titles).flatMap(([operation, title]) => [
          {
            figure: `calls-${operation}`,
            unit: `${title}: calls`,
            contestants: contestantsOf(names.map((name, n) => [name, found[n].operations[operation].calls])),
          },
          {
            figure: `calls-${operation}-texts`,
            unit: `${title}: texts that reach gateways`,
            contestants: contestantsOf(names.map((name, n) => [name, found[n].operations[operation].heard])),
          },
        ]),
      })
    })
}
