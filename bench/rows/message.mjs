// The server's CPU time for an acknowledged message from user to user, in the inboxes of both. Each server is warmed up for so long that
// its runtime has compiled what a message runs: after 40,000 messages, 5 µs of each next one on Bun were its compiler.
import { closePairs, openPairs, takeTurns } from '../setting.mjs'

const PAIRS = 20
/** Unacknowledged messages of one sender at the same time. */
const AT_ONCE = 50

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

const names = [
  'ws + jose',
  'chat-session, memory',
  'chat-session, embedded',
  'chat-session, memory, Bun',
  'chat-session, embedded, Bun',
  'Bun.serve',
  'ws + group commit',
]

export default {
  title: 'A message from user to user, in both inboxes, acknowledged',
  method:
    '40,000 messages of 61 bytes between 20 pairs of users, 50 of each sender under way, after 120,000 to warm up. The CPU time of the server is divided by their number.',
  figures: {
    message: {
      unit: "µs of the server's CPU",
      base: 'ws + jose',
      targets: {
        'chat-session, memory': 0.85,
        'chat-session, embedded': 1,
        'chat-session, memory, Bun': 0.65,
        'chat-session, embedded, Bun': 1,
      },
    },
  },
  profiled: names,
  measure(options) {
    const [warm, messages] = options.isQuick ? [5_000, 5_000] : [120_000, 40_000]
    return takeTurns(names, options, async (name, { port, cpuOf }) => {
      const pairs = await openPairs(name, port, PAIRS)
      await run(pairs, warm, 'warm')
      const cpu = await cpuOf(() => run(pairs, messages, 'measured'))
      closePairs(pairs)
      return { message: cpu / messages }
    })
  },
}
