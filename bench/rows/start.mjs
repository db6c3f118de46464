// The server's CPU time for one session: handshake, verification of the token, and answer. Each server is warmed up for so long that
// its runtime has compiled what a start runs: after 8,000 starts, 57 µs of each next one on Bun were its compiler.
import { openSession, takeTurns, tokenOf } from '../setting.mjs'

const AT_ONCE = 50

/** Starts and closes a session with each of these tokens, a few at a time. */
const run = async (name, port, tokens) => {
  let next = 0
  const worker = async () => {
    while (next < tokens.length) {
      const socket = await openSession(name, port, tokens[next++])
      socket.terminate()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

export default {
  title: 'A start, its token verified',
  method:
    '3,000 sessions, each of a new user, 50 at once, after 20,000 to warm up; the CPU time of the server divided by their number.',
  figures: {
    start: {
      unit: "µs of the server's CPU",
      base: 'ws + jose',
      targets: {
        'chat-session, memory': 1,
        'chat-session, embedded': 1.25,
        'chat-session, memory, Bun': 0.45,
        'chat-session, embedded, Bun': 0.55,
      },
    },
  },
  profiled: [
    'ws + jose',
    'chat-session, memory',
    'chat-session, embedded',
    'chat-session, memory, Bun',
    'chat-session, embedded, Bun',
    'Bun.serve',
  ],
  async measure(options) {
    const [warm, sessions] = options.isQuick ? [400, 200] : [20_000, 3_000]
    const tokens = await Promise.all(
      Array.from({ length: warm + sessions }, (_, index) => tokenOf(`user-${index}`)),
    )
    const names = [
      'ws + jose',
      'chat-session, memory',
      'chat-session, embedded',
      'chat-session, memory, Bun',
      'chat-session, embedded, Bun',
      'Bun.serve',
      'socket.io + jose',
      'ws',
    ]
    return takeTurns(names, options, async (name, { port, cpuOf }) => {
      await run(name, port, tokens.slice(0, warm))
      const cpu = await cpuOf(() => run(name, port, tokens.slice(warm)))
      return { start: cpu / sessions }
    })
  },
}
