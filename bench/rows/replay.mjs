/* global performance */
// Missed messages: many clients that come back at once, each with as many stored messages to receive.
import { connect, openSession, percentile, takeTurns, tokenOf } from '../setting.mjs'

const SESSIONS_PER_USER = 10

/** Resolves with the epoch of the user's inbox; undefined of a server without epochs. */
const epochOf = async (name, port, token) => {
  const socket = connect(name, port, token)
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.on('message', (data) => {
      const frame = JSON.parse(data.toString())
      if (frame.type !== 'started') return
      socket.terminate()
      resolve(frame.epoch)
    })
  })
}

/** Comes back. Resolves with the milliseconds until all messages are there. */
const comeBack = (name, port, { token, epoch }, messages) =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const socket = connect(name, port, token, {
      resume: { key: 'the key of a session that has ended', epoch, offset: 0 },
    })
    let arrived = 0
    socket.once('error', reject)
    socket.once('close', (code) => reject(new Error(`${name} closed a connection with ${code}.`)))
    socket.on('message', (data) => {
      if (!data.includes('"type":"message"') || ++arrived < messages) return
      resolve(performance.now() - began)
      socket.removeAllListeners('close').terminate()
    })
  })

export default {
  title: 'Missed messages, to many clients at once',
  method:
    '1,000 clients of 100 users come back at once, and each receives 1,000 stored messages. The rival has them as objects in its memory.',
  figures: { 'replay-p99': { unit: 'ms until a client has all of them, p99', base: 'ws + jose' } },
  measure(options) {
    const [users, messages] = options.isQuick ? [10, 100] : [100, 1_000]
    const names = ['ws + jose', 'chat-session, memory', 'chat-session, embedded']
    return takeTurns(names, options, async (name, { port, fill }) => {
      const userIds = Array.from({ length: users }, (_, index) => `user-${index}`)
      const known = await Promise.all(
        userIds.map(async (userId) => {
          const token = await tokenOf(userId)
          return { token, epoch: await epochOf(name, port, token) }
        }),
      )
      await fill(userIds, messages)
      const warm = await openSession(name, port, await tokenOf('warm'))
      warm.terminate()
      const clients = Array.from({ length: users * SESSIONS_PER_USER }, (_, index) => known[index % users])
      const took = await Promise.all(clients.map((client) => comeBack(name, port, client, messages)))
      return { 'replay-p99': percentile(took, 99) }
    })
  },
}
