/* global clearInterval, performance, setInterval */
// A crowd that starts sessions, and what the established sessions notice.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { closePairs, openPairs, percentile, takeTurns, tokenOf } from '../setting.mjs'

const AT_ONCE = 200
const PAIRS = 20
/** Messages a second of the established sessions. */
const RATE = 200

const body = 'Is the blue one still there? I would come for it on Saturday.'

/** Resolves with the milliseconds in which a crowd has started a session for each of these tokens. */
const crowd = async (name, port, tokens) => {
  const kind = name.startsWith('chat-session') ? 'chat-session' : 'ws'
  const worker = new Worker(new URL('../crowd-clients.mjs', import.meta.url), {
    workerData: { kind, port, tokens, atOnce: AT_ONCE },
  })
  const [milliseconds] = await once(worker, 'message')
  return milliseconds
}

/** Sends messages at the rate until `work` resolves. Returns its result, and the milliseconds that each message took. */
const whileSending = async (pairs, work) => {
  const sentAt = []
  const took = []
  for (const { recipient } of pairs)
    recipient.removeAllListeners('message').on('message', (data) => {
      const { type, id } = JSON.parse(data.toString())
      if (type === 'message') took.push(performance.now() - sentAt[id])
    })
  const began = performance.now()
  const timer = setInterval(() => {
    while (sentAt.length < ((performance.now() - began) / 1_000) * RATE) {
      const { sender, to } = pairs[sentAt.length % PAIRS]
      const id = String(sentAt.length)
      sentAt.push(performance.now())
      sender.send(JSON.stringify({ type: 'send', id, to, body }))
    }
  }, 1)
  const result = await work()
  clearInterval(timer)
  return { result, took }
}

export default {
  title: 'A crowd that starts',
  method:
    '12,000 sessions, each of a new user, 200 at once, after 8,000 to warm up. Each client leaves when its session has started, and the next one comes. Meanwhile 20 pairs of users send 200 messages a second. The clients are on the same machine, and take CPU time from the server.',
  figures: {
    crowd: {
      unit: 'µs for a session',
      base: 'chat-session, embedded, no queue',
      targets: { 'chat-session, embedded': 1.18 },
    },
    'crowd-p99': {
      unit: 'ms to the recipient meanwhile, p99',
      base: 'ws + jose',
      isAbsolute: true,
      targets: { 'chat-session, embedded': 50 },
    },
  },
  async measure(options) {
    const [warm, count] = options.isQuick ? [2_000, 2_000] : [8_000, 12_000]
    const tokens = await Promise.all(
      Array.from({ length: warm + count }, (_, index) => tokenOf(`user-${index}`)),
    )
    const names = ['ws + jose', 'chat-session, embedded', 'chat-session, embedded, no queue']
    return takeTurns(names, options, async (name, { port }) => {
      await crowd(name, port, tokens.slice(0, warm))
      const pairs = await openPairs(name, port, PAIRS)
      const { result, took } = await whileSending(pairs, () => crowd(name, port, tokens.slice(warm)))
      closePairs(pairs)
      return { crowd: (result * 1_000) / count, 'crowd-p99': percentile(took, 99) }
    })
  },
}
