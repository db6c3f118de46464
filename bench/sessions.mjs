// Measures a server's CPU time for one session: handshake, verification of the token, and answer. Each server is warmed up for so long
// that V8 has compiled what a start runs: with 1,000 starts to warm up, about 100 µs of each measured start would be its compiler.
import { createToken } from '../dist/tokens/index.js'
import { appId, compare, openSession, secret } from './setting.mjs'

const WARM = 10_000
const SESSIONS = 3_000
const AT_ONCE = 50

const tokens = await Promise.all(
  Array.from({ length: 1_000 }, (_, index) => createToken({ appId, userId: `user-${index}`, secret })),
)

/** Starts and closes so many sessions, a few at a time. */
const run = async (name, port, count) => {
  let next = 0
  const worker = async () => {
    while (next < count) {
      const socket = await openSession(name, port, tokens[next++ % tokens.length])
      socket.terminate()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

console.log(`${SESSIONS} sessions, ${AT_ONCE} at once, after ${WARM} to warm up`)
await compare(
  ['ws + jose', 'chat-session, memory', 'chat-session, embedded', 'socket.io + jose', 'ws'],
  async (name, { port, usage }) => {
    await run(name, port, WARM)
    const before = await usage()
    await run(name, port, SESSIONS)
    return { "µs of the server's CPU a session": ((await usage()).cpu - before.cpu) / SESSIONS }
  },
)
