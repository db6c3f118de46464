// The server's CPU time for one of the first sessions of a process, whose runtime still compiles what a start runs. After a deploy all
// clients come back to such a process.
import { measureStarts } from '../starts.mjs'

const names = ['ws + jose', 'chat-session, memory', 'chat-session, embedded']

export default {
  title: 'The first starts of a process',
  method:
    'The first 5,000 sessions of a new process, each of a new user, 50 at once. The CPU time of the server is divided by their number.',
  figures: {
    cold: {
      unit: "µs of the server's CPU, at first",
      base: 'ws + jose',
      targets: { 'chat-session, memory': 1.15, 'chat-session, embedded': 1.15 },
    },
  },
  profiled: names,
  measure(options) {
    return measureStarts('cold', names, { warm: 0, sessions: options.isQuick ? 1_000 : 5_000 }, options)
  },
}
