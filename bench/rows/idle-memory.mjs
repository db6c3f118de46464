// The resident memory of a server for one idle session.
import { openSessions, takeTurns } from '../setting.mjs'

const profiled = [
  'ws',
  'chat-session, memory',
  'chat-session, embedded',
  'chat-session, memory, Bun',
  'chat-session, embedded, Bun',
  'Bun.serve',
]

export default {
  title: 'An idle session',
  method:
    'How much the resident memory of the server, without mapped files, grows by 8,000 sessions, after 4,000 to warm up, divided by 8,000. Before both readings garbage is collected until the memory no longer falls.',
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
  profiled,
  mostRounds: 3,
  measure(options) {
    const sessions = options.isQuick ? 200 : 8_000
    // So that memory that a server takes once, with its first sessions, is not counted.
    const warmUp = sessions / 2
    return takeTurns([...profiled, 'socket.io + jose'], options, async (name, { port, growthOf }) => {
      const sockets = []
      const open = async (from, to) => {
        const userIds = Array.from({ length: to - from }, (_, index) => `user-${from + index}`)
        sockets.push(...(await openSessions(name, port, userIds)))
      }
      const bytes = await growthOf(
        () => open(0, warmUp),
        () => open(warmUp, warmUp + sessions),
      )
      for (const socket of sockets) socket.terminate()
      return { 'idle-memory': bytes / sessions / 1_000 }
    })
  },
}
