// Measures acknowledged messages from user to user: how many a second, and the server's CPU time for each.
/* global performance */
import { closePairs, compare, openPairs } from './setting.mjs'

const PAIRS = 20
/** Unacknowledged messages of one sender at the same time. */
const AT_ONCE = 50
const WARM = 10_000
const MESSAGES = 40_000

const body = 'Is the blue one still there? I would come for it on Saturday.'

/** Sends `count` messages from all senders together. Resolves when all are acknowledged and received. */
const run = (pairs, count, round) =>
  new Promise((resolve) => {
    let [sent, settled] = [0, 0]
    const arrived = () => ++settled === 2 * count && resolve()
    for (const { sender, recipient, to } of pairs) {
      const next = () => {
        if (sent < count) sender.send(JSON.stringify({ type: 'send', id: `${round}-${sent++}`, to, body }))
      }
      sender.removeAllListeners('message').on('message', (data) => {
        if (!data.includes('"type":"sent"')) return
        arrived()
        next()
      })
      recipient.removeAllListeners('message').on('message', (data) => {
        if (data.includes('"type":"message"')) arrived()
      })
      for (let index = 0; index < AT_ONCE; index++) next()
    }
  })

console.log(
  `${MESSAGES} messages of ${body.length} bytes between ${PAIRS} pairs, ${AT_ONCE} a sender under way, after ${WARM} to warm up`,
)
await compare(
  ['ws + jose', 'chat-session, memory', 'chat-session, embedded', 'ws + group commit'],
  async (name, { port, usage }) => {
    const pairs = await openPairs(name, port, PAIRS)
    await run(pairs, WARM, 'warm')
    const before = await usage()
    const began = performance.now()
    await run(pairs, MESSAGES, 'measured')
    const seconds = (performance.now() - began) / 1_000
    const { cpu } = await usage()
    closePairs(pairs)
    return {
      'messages a second': MESSAGES / seconds,
      "µs of the server's CPU a message": (cpu - before.cpu) / MESSAGES,
    }
  },
)
