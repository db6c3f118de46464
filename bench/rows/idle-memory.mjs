// The resident memory of a server for one idle session.
import { setTimeout as wait } from 'node:timers/promises'
import { createToken } from '../../dist/tokens/index.js'
import { appId, openSession, secret, takeTurns } from '../setting.mjs'

/** Resolves with the resident memory, once a collection frees less than 1 % of it. */
const settled = async (usage) => {
  let last = Infinity
  for (let reading = 0; reading < 10; reading++) {
    const { rss } = await usage(true)
    if (rss > last * 0.99) return Math.min(rss, last)
    last = rss
    await wait(300)
  }
  return last
}

export default {
  title: 'An idle session',
  method:
    'The growth of the resident memory of the server by 8,000 sessions, after 4,000 to warm up, each time after forced collections until it no longer falls, divided by their number.',
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
    // With fewer than 4,000 V8's young generation grows between the readings, by 2 kB a session on either side.
    const warmUp = sessions / 2
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
      const warm = await open(0, warmUp)
      const before = await settled(usage)
      const sockets = await open(warmUp, warmUp + sessions)
      const after = await settled(usage)
      for (const socket of [...warm, ...sockets]) socket.terminate()
      return { 'idle-memory': (after - before) / sessions / 1_000 }
    })
  },
}
