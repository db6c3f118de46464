// Measures the resident memory of a server for one idle session.
import { createToken } from '../dist/tokens/index.js'
import { appId, compare, openSession, secret } from './setting.mjs'

const SESSIONS = 8_000

console.log(`${SESSIONS} idle sessions`)
await compare(
  ['ws', 'chat-session, memory', 'chat-session, embedded', 'socket.io + jose'],
  async (name, { port, usage }) => {
    const token = (index) => createToken({ appId, userId: `user-${index}`, secret })
    const open = async (from, to) => {
      const sockets = []
      for (let index = from; index < to; index++)
        sockets.push(await openSession(name, port, await token(index)))
      return sockets
    }
    const warm = await open(0, 500)
    const before = await usage(true)
    const sockets = await open(500, 500 + SESSIONS)
    const after = await usage(true)
    for (const socket of [...warm, ...sockets]) socket.terminate()
    return { "kB of the server's resident memory a session": (after.rss - before.rss) / SESSIONS / 1_000 }
  },
  3,
)
