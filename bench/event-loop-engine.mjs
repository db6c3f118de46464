// An engine, or a gateway with it, in a process of its own, in one situation: node bench/event-loop-engine.mjs SITUATION COUNT. Sends the
// milliseconds of the longest turn of its event loop.
/* global clearInterval, performance, setInterval */
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { each, open } from './embedded.mjs'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { createMemoryEngine } from '../dist/engine/index.js'
import { createGateway, createLog } from '../dist/gateway/index.js'
import { appId, secret } from './setting.mjs'

const HOUR = 3_600_000
/** Seconds after which messages, their ids or detached sessions are deleted. */
const LIFE = Number(process.env.BENCH_LIFE ?? 4)

const body = 'Is the blue one still there? I would come for it on Saturday.'
const rules = (more) => ({
  ...{ sendWindow: 24 * HOUR, unknownRecipients: true, unknownSenders: true, unreadPerSender: 1 },
  retention: { messages: 1_000_000, age: 720 * HOUR, bytes: 2 ** 40 },
  quota: { inboxes: 2 ** 30, bytes: 2 ** 40 },
  ...more,
})

const user = (number) => ({ appId, userId: `user-${number}` })

/** Sends messages with different ids from a few users to `to`. */
const sendMany = (engine, count, to, more) =>
  each(count, (n) =>
    engine.send({ appId, id: `id-${n}`, from: `sender-${n % 50}`, to: to(n), body }, rules(more)),
  )

const startSession = (engine, number) =>
  engine.startSession({
    ...user(number),
    ...{ guest: false, hidden: false, connectionId: `connection-${number}`, keyHash: `hash-${number}` },
    ...{ resumableFor: LIFE * 1_000, sessionsPerUser: 10, origin: null, address: '127.0.0.1', client: null },
    credential: { authMethod: 'token', tokenId: null, issuedAt: Date.now(), expiresAt: null },
    node: 'bench',
  })

/** A gateway on this engine, and its clients. Resolves as the functions of `situations` do. */
const withGateway = async (engine, { resumes = 0, messages = 0, sessions = 0 }) => {
  const many = 1_000_000
  const limits = { sessionsPerUser: 100, messagesPerSecond: many, requestsPerSecond: many }
  const app = { environment: 'production', secrets: [secret], origins: ['http://127.0.0.1'], limits }
  const gateway = createGateway(
    {
      listen: { port: 0 },
      limits: { connectionsPerAddress: many, connectionsPerSecondPerAddress: many },
      apps: { [appId]: { ...app, retention: { messages: 10_000 } } },
    },
    { env: {}, log: createLog({ level: 'error' }), engine },
  )
  const port = Number(new URL(await gateway.listen()).port)
  await sendMany(engine, messages, () => 'user-0')
  const { epoch } = await engine.inbox(user(0))
  const clients = new Worker(new URL('event-loop-clients.mjs', import.meta.url), {
    workerData: { port, epoch, resumes, messages, sessions },
  })
  await once(clients, 'message')
  const resume = async () => {
    clients.postMessage('resume')
    await once(clients, 'message')
  }
  // The first log-in of a process compiles what the others run.
  if (resumes > 0) await resume()
  let isDone = false
  return {
    engine: {
      async close() {
        await clients.terminate()
        await gateway.close()
      },
    },
    isDone: () => isDone,
    async work() {
      if (sessions > 0) await gateway.close()
      else await resume()
      isDone = true
    },
  }
}

/** Resolves when `isDone` resolves with true, or after a minute. */
const until = async (isDone) => {
  for (let seconds = 0; seconds < 60 && !(await isDone()); seconds++) await wait(1_000)
}

/**
 * Each fills and opens an engine. Resolves with the engine, with `work`, of which the turns are measured, and with `isDone`: whether
 * the work did what it is measured for.
 */
const situations = {
  async nothing() {
    const engine = await open()
    return { engine, work: () => wait(LIFE * 1_000), isDone: () => true }
  },
  memoryLogin: (messages) => withGateway(createMemoryEngine(), { resumes: 1, messages }),
  async gatewayLogin(messages) {
    return withGateway(await open(), { resumes: 1, messages })
  },
  async resumes(messages) {
    return withGateway(await open(), { resumes: 40, messages })
  },
  async closing(sessions) {
    return withGateway(await open(), { sessions })
  },
  async sends(count) {
    const engine = await open()
    await sendMany(engine, count / 10, (n) => `warm-${n % 5_000}`)
    const send = (n) => ({ appId, id: `more-${n}`, from: `sender-${n % 50}`, to: `user-${n % 5_000}`, body })
    return {
      engine,
      work: () => each(count, (n) => engine.send(send(n), rules())),
      isDone: async () => (await engine.send(send(count - 1), rules())).outcome === 'repeated',
    }
  },
  async login(count) {
    const filled = await open()
    await sendMany(filled, count, () => 'user-0')
    await filled.close()
    const engine = await open()
    let received = 0
    return {
      engine,
      isDone: () => received === count,
      async work() {
        const { epoch } = await engine.inbox(user(0))
        for (let offset = 0; offset < count;) {
          const { messages } = await engine.messagesAfter(user(0), { epoch, offset }, 128)
          offset = messages.at(-1).offset
          received += messages.length
        }
      },
    }
  },
  async reopen(count) {
    const filled = await open()
    await sendMany(filled, count, (n) => `user-${n % 5_000}`)
    await filled.close()
    const engine = await open()
    const again = { appId, id: 'id-0', from: 'sender-0', to: 'user-0', body }
    return {
      engine,
      work: () => wait(2 * LIFE * 1_000),
      isDone: async () => (await engine.send(again, rules())).outcome === 'repeated',
    }
  },
  async sweep(count) {
    const engine = await open()
    const more = { sendWindow: LIFE * 1_000, retention: { ...rules().retention, age: LIFE * 1_000 } }
    await sendMany(engine, count, (n) => `user-${n % 500}`, more)
    // The last one that is swept.
    const of = user(99)
    const { epoch } = await engine.inbox(of)
    const isDone = async () => (await engine.messagesAfter(of, { epoch, offset: 0 }, 1)).messages.length === 0
    return { engine, work: () => until(isDone), isDone }
  },
  async detached(count) {
    const before = await open()
    await each(count, (n) => startSession(before, n))
    await before.close()
    const engine = await open()
    return {
      engine,
      work: () => wait(2 * LIFE * 1_000),
      isDone: async () => (await engine.appSessions(appId, null, 1)).sessions.length === 0,
    }
  },
}

/** The milliseconds for which the main thread had a core, where the system says that: others of the machine do not count. */
const cpu = () => {
  if (process.platform !== 'linux') return performance.now()
  return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[0]) / 1e6
}

const longestTurn = async (work) => {
  let [last, longest] = [cpu(), 0]
  const timer = setInterval(() => {
    const now = cpu()
    longest = Math.max(longest, now - last)
    last = now
  }, 1)
  await work()
  clearInterval(timer)
  return longest
}

const [, , situation, count] = process.argv
const { engine, work, isDone } = await situations[situation](Number(count))
// What the filling has left to collect is not of the situation.
globalThis.gc()
await wait(100)
const longest = await longestTurn(work)
if (!(await isDone())) throw new Error(`${situation}: the work was not done in its time.`)
await engine.close()
process.send({ longest }, () => process.disconnect())
