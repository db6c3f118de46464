// The server's CPU time for one session: handshake, verification of the token, and answer. Each server is warmed up for so long that
// its runtime has compiled what a start runs: after 8,000 starts, 57 µs of each next one on Bun were its compiler.
import { measureStarts } from '../starts.mjs'

const profiled = [
  'ws + jose',
  'chat-session, memory',
  'chat-session, embedded',
  'chat-session, memory, Bun',
  'chat-session, embedded, Bun',
  'Bun.serve',
]

export default {
  title: 'A start, its token verified',
  method:
    '3,000 sessions, each of a new user, 50 at once, after 20,000 to warm up. The CPU time of the server is divided by their number.',
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
  profiled,
  measure(options) {
    const load = options.isQuick ? { warm: 400, sessions: 200 } : { warm: 20_000, sessions: 3_000 }
    return measureStarts('start', [...profiled, 'socket.io + jose', 'ws'], load, options)
  },
}
