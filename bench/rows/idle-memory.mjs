// The resident memory of a server for one idle session.
import { setTimeout as wait } from 'node:timers/promises'
import { openSessions, takeTurns } from '../setting.mjs'

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
  mostRounds: 3,
  measure(options) {
    const sessions = options.isQuick ? 1_000 : 8_000
    // With fewer than 4,000 V8's young generation grows between the readings, by 2 kB a session on either side.
    const warmUp = sessions / 2
    const names = [
      'ws',
      'chat-session, memory',
      'chat-session, embedded',
      'chat-session, memory, Bun',
      'chat-session, embedded, Bun',
      'Bun.serve',
      'socket.io + jose',
    ]
    return takeTurns(names, options, async (name, { port, usage }) => {
      const userIds = Array.from({ length: warmUp + sessions }, (_, index) => `user-${index}`)
      const warm = await openSessions(name, port, userIds.slice(0, warmUp))
      const before = await settled(usage)
      const sockets = await openSessions(name, port, userIds.slice(warmUp))
      const after = await settled(usage)
      for (const socket of [...warm, ...sockets]) socket.terminate()
      return { 'idle-memory': (after - before) / sessions / 1_000 }
    })
  },
}
