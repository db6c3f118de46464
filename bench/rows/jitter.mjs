/* global clearInterval, performance, setInterval */
// Messages between clients whose connections are cut again and again.
import { setTimeout as wait } from 'node:timers/promises'
import { percentile, takeTurns } from '../setting.mjs'
import { startSessions } from '../sessions.mjs'

const PAIRS = 50
/** Messages a second, of all pairs together. */
const RATE = 500
/** Milliseconds between two cuts of a client: at random between these. */
const [SOONEST, LATEST] = [2_000, 6_000]

const body = 'Is the blue one still there? I would come for it on Saturday.'

const run = async (senders, recipients, isQuick) => {
  const [seconds, grace] = isQuick ? [2, 2_500] : [15, 10_000]
  const sentAt = []
  const took = []
  const arrived = new Set()
  for (const recipient of recipients)
    recipient.on('message', ({ body }) => {
      // The project's client gives a message its own id, so the text has the number.
      const id = Number.parseInt(body)
      if (arrived.has(id)) return
      arrived.add(id)
      took.push(performance.now() - sentAt[id])
    })
  const timers = [...senders, ...recipients].map((session) => {
    const cuts = { timer: undefined }
    const cutLater = () => {
      cuts.timer = setTimeout(
        () => {
          session.cut()
          cutLater()
        },
        SOONEST + Math.random() * (LATEST - SOONEST),
      )
    }
    cutLater()
    return cuts
  })
  const began = performance.now()
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(seconds * RATE, ((performance.now() - began) / 1_000) * RATE)
      while (sentAt.length < due) {
        const index = sentAt.length % PAIRS
        const id = String(sentAt.length)
        sentAt.push(performance.now())
        senders[index].send(`recipient-${index}`, id, `${id} ${body}`)
      }
      if (sentAt.length < seconds * RATE) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
  for (const { timer } of timers) clearTimeout(timer)
  // The others arrive meanwhile. The rival has lost some.
  const until = performance.now() + grace
  while (arrived.size < sentAt.length && performance.now() < until) await wait(20)
  return { lost: sentAt.length - arrived.size, p99: percentile(took, 99) }
}

export default {
  title: 'Messages while each connection is cut every two to six seconds',
  method:
    '500 messages a second between 50 pairs of users for 15 seconds. The connection of each client is cut every two to six seconds. The rival connects again at once, and sends what it can. It keeps nothing, so its lost messages are missing from its times of delivery.',
  figures: {
    'jitter-lost': { unit: 'messages lost of 7,500', base: 'ws + jose' },
    'jitter-p99': { unit: 'ms to the recipient, p99 of those that arrived', base: 'ws + jose' },
  },
  mostRounds: 3,
  measure(options) {
    const names = ['ws + jose', 'chat-session, memory', 'chat-session, embedded']
    return takeTurns(names, options, async (name, { port }) => {
      const ids = (role) => Array.from({ length: PAIRS }, (_, index) => `${role}-${index}`)
      const recipients = await startSessions(name, port, ids('recipient'))
      const senders = await startSessions(name, port, ids('sender'))
      const { lost, p99 } = await run(senders, recipients, options.isQuick)
      await Promise.all([...senders, ...recipients].map((session) => session.end()))
      return { 'jitter-lost': lost, 'jitter-p99': p99 }
    })
  },
}
