/* global clearInterval, performance, setInterval */
// How long a durable message takes from its sender to its recipient, at a steady rate.
import { closePairs, openPairs, percentile, takeTurns } from '../setting.mjs'

const PAIRS = 20
/** Messages a second. Slow delivery does not lower it. */
const RATE = 10_000

const body = 'Is the blue one still there? I would come for it on Saturday.'

/** Sends at the rate for this many seconds. Resolves, when all messages have arrived, with the milliseconds of each after the warm-up. */
const run = (pairs, warm, seconds) =>
  new Promise((resolve) => {
    const due = []
    const took = []
    let arrived = 0
    for (const { recipient } of pairs)
      recipient.removeAllListeners('message').on('message', (data) => {
        const { type, id } = JSON.parse(data.toString())
        if (type !== 'message') return
        if (Number(id) >= warm * RATE) took.push(performance.now() - due[id])
        if (++arrived === seconds * RATE) resolve(took)
      })
    const began = performance.now()
    const timer = setInterval(() => {
      const late = Math.min(seconds * RATE, ((performance.now() - began) / 1_000) * RATE)
      while (due.length < late) {
        const { sender, to } = pairs[due.length % PAIRS]
        const id = String(due.length)
        due.push(performance.now())
        sender.send(JSON.stringify({ type: 'send', id, to, body }))
      }
      if (due.length === seconds * RATE) clearInterval(timer)
    }, 1)
  })

export default {
  title: 'Delivery at 10,000 durable messages a second',
  method:
    '10,000 messages of 61 bytes a second between 20 pairs of users for 7 seconds, after 3 to warm up. All servers have the same load generator. `ws + jose` keeps nothing, so its time is about what the generator itself takes.',
  figures: {
    'delivery-median': { unit: 'ms to the recipient, median', base: 'ws + group commit' },
    'delivery-p99': {
      unit: 'ms to the recipient, p99',
      base: 'ws + group commit',
      targets: { 'chat-session, embedded': 1.3 },
    },
  },
  measure(options) {
    const [warm, seconds] = options.isQuick ? [0.5, 1] : [3, 10]
    const names = ['ws + group commit', 'chat-session, embedded', 'chat-session, memory', 'ws + jose']
    return takeTurns(names, options, async (name, { port }) => {
      const pairs = await openPairs(name, port, PAIRS)
      const took = await run(pairs, warm, seconds)
      closePairs(pairs)
      return { 'delivery-median': percentile(took, 50), 'delivery-p99': percentile(took, 99) }
    })
  },
}
