/* global clearInterval, performance, setInterval */
// Measures how long a durable message takes from its sender to its recipient, at a steady rate.
import { closePairs, compare, openPairs } from './setting.mjs'

const PAIRS = 20
/** Messages a second. Slow delivery does not lower it. */
const RATE = 10_000
/** Seconds of a run, and of the warm-up at its start. */
const WARM = 3
const SECONDS = 10

const body = 'Is the blue one still there? I would come for it on Saturday.'

/** Sends at the rate. Resolves, when all messages have arrived, with the milliseconds of each after the warm-up. */
const run = (pairs) =>
  new Promise((resolve) => {
    const due = []
    const took = []
    let arrived = 0
    for (const { recipient } of pairs)
      recipient.removeAllListeners('message').on('message', (data) => {
        const { type, id } = JSON.parse(data.toString())
        if (type !== 'message') return
        if (Number(id) >= WARM * RATE) took.push(performance.now() - due[id])
        if (++arrived === SECONDS * RATE) resolve(took)
      })
    const began = performance.now()
    const timer = setInterval(() => {
      const late = Math.min(SECONDS * RATE, ((performance.now() - began) / 1_000) * RATE)
      while (due.length < late) {
        const { sender, to } = pairs[due.length % PAIRS]
        const id = String(due.length)
        due.push(performance.now())
        sender.send(JSON.stringify({ type: 'send', id, to, body }))
      }
      if (due.length === SECONDS * RATE) clearInterval(timer)
    }, 1)
  })

console.log(
  `${RATE} messages of ${body.length} bytes a second for ${SECONDS - WARM} s between ${PAIRS} pairs`,
)
await compare(
  ['ws + group commit', 'chat-session, embedded', 'chat-session, memory'],
  async (name, { port }) => {
    const pairs = await openPairs(name, port, PAIRS)
    const took = (await run(pairs)).toSorted((one, other) => one - other)
    closePairs(pairs)
    const at = (part) => took[Math.floor(took.length * part)]
    return { 'ms to the recipient, median': at(0.5), 'ms to the recipient, p99': at(0.99) }
  },
  3,
)
