// A message to one user who has many sessions.
import { openSession, takeTurns, tokenOf } from '../setting.mjs'

const SESSIONS = 100
/** Messages under way. */
const AT_ONCE = 20

const body = 'Is the blue one still there? I would come for it on Saturday.'

/** Sends the messages. Resolves when all sessions have them. */
const run = (sender, recipients, count, round) =>
  new Promise((resolve) => {
    let [sent, arrived] = [0, 0]
    const next = () => {
      if (sent < count)
        sender.send(JSON.stringify({ type: 'send', id: `${round}-${sent++}`, to: 'recipient', body }))
    }
    for (const recipient of recipients)
      recipient.removeAllListeners('message').on('message', (data) => {
        if (data.includes('"type":"message"') && ++arrived === count * SESSIONS) resolve()
      })
    sender.removeAllListeners('message').on('message', (data) => {
      if (data.includes('"type":"sent"')) next()
    })
    for (let index = 0; index < AT_ONCE; index++) next()
  })

export default {
  title: 'A message to one user with 100 sessions',
  method:
    '1,000 messages of 61 bytes to a user with 100 sessions, 20 messages under way. The CPU time of the server is divided by the received copies.',
  figures: { 'fan-out': { unit: "µs of the server's CPU for a copy", base: 'ws + jose' } },
  measure(options) {
    const messages = options.isQuick ? 200 : 1_000
    const names = ['ws + jose', 'chat-session, memory', 'chat-session, embedded']
    return takeTurns(names, options, async (name, { port, cpuOf }) => {
      const open = async (userId) => openSession(name, port, await tokenOf(userId))
      const sender = await open('sender')
      const recipients = await Promise.all(Array.from({ length: SESSIONS }, () => open('recipient')))
      await run(sender, recipients, messages / 5, 'warm')
      const cpu = await cpuOf(() => run(sender, recipients, messages, 'measured'))
      for (const socket of [sender, ...recipients]) socket.terminate()
      return { 'fan-out': cpu / messages / SESSIONS }
    })
  },
}
