// The resident memory of a server for one idle session.
import { createToken } from '../../dist/tokens/index.js'
import { appId, openSession, secret, takeTurns } from '../setting.mjs'

export default {
  title: 'An idle session',
  method:
    'The growth of the resident memory of the server by 8,000 sessions, after 500 to warm up, each time after a forced collection, divided by their number.',
  figures: {
    'idle-memory': {
      unit: 'kB of resident memory',
      base: 'ws',
      targets: {
        'chat-session, memory': 1.3,
        'chat-session, embedded': 1.3,
        'chat-session, memory, Bun': 0.6,
        'chat-session, embedded, Bun': 0.6,
      },
    },
  },
  measure(options) {
    const sessions = options.isQuick ? 2_000 : 8_000
    const names = [
      'ws',
      'chat-session, memory',
      'chat-session, embedded',
      'chat-session, memory, Bun',
      'chat-session, embedded, Bun',
      'socket.io + jose',
    ]
    return takeTurns(names, options, async (name, { port, usage }) => {
      const token = (index) => createToken({ appId, userId: `user-${index}`, secret })
      const open = async (from, to) => {
        const sockets = []
        for (let index = from; index < to; index++)
          sockets.push(await openSession(name, port, await token(index)))
        return sockets
      }
      const warm = await open(0, 500)
      const before = await usage(true)
      const sockets = await open(500, 500 + sessions)
      const after = await usage(true)
      for (const socket of [...warm, ...sockets]) socket.terminate()
      return { 'idle-memory': (after.rss - before.rss) / sessions / 1_000 }
    })
  },
}
