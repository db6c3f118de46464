// What the rows share: the app, servers in processes, clients, and turns.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { createToken } from '../dist/tokens/index.js'

export const appId = 'bench'
export const secret = 'a secret of at least 32 bytes, for benchmarks'

/** Runs `use` with a server of this name, and ends the server afterwards. */
export const withServer = async (name, use) => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-bench-'))
  const child = fork(new URL('servers.mjs', import.meta.url), [name], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, BENCH_FOLDER: folder },
  })
  try {
    const [{ port }] = await once(child, 'message')
    /** `afterGc`: collects garbage first, for a figure of memory. */
    const usage = async (afterGc = false) => {
      child.send(afterGc ? 'usage after gc' : 'usage')
      return (await once(child, 'message'))[0]
    }
    return await use({ port, usage })
  } finally {
    child.disconnect()
    await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
}

const clients = {
  /** Sends the start in the handshake, as the project's client does. */
  'chat-session': (port, token, scheme) => {
    const start = Buffer.from(JSON.stringify({ type: 'start', appId, token })).toString('base64url')
    return new WebSocket(
      `${scheme}://127.0.0.1:${port}/v1/session`,
      ['chat-session.v1', `start.${start}`],
      // The benchmark makes its own certificate.
      { rejectUnauthorized: false },
    )
  },
  'socket.io': (port, token) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`)
    socket.once('message', () => socket.send(`40${JSON.stringify({ token })}`))
    return socket
  },
  ws: (port, token) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, 'chat-session.v1')
    socket.once('open', () => socket.send(JSON.stringify({ type: 'start', appId, token })))
    return socket
  },
}

/** Opens a session with the protocol of this server. Resolves when the server has answered the start. */
export const openSession = (name, port, token, scheme = 'ws') =>
  new Promise((resolve, reject) => {
    const kind = Object.keys(clients).find((candidate) => name.startsWith(candidate))
    const socket = clients[kind](port, token, scheme)
    socket.once('error', reject)
    socket.on('message', (data) => /started|^40/.test(data.toString()) && resolve(socket))
  })

/** Opens two sessions for each of `count` pairs of users: `sender`, and `recipient` of the user `to`. */
export const openPairs = (name, port, count, scheme) =>
  Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const open = async (userId) =>
        openSession(name, port, await createToken({ appId, userId, secret }), scheme)
      const to = `recipient-${index}`
      const recipient = await open(to)
      return { recipient, sender: await open(`sender-${index}`), to }
    }),
  )

export const closePairs = (pairs) => {
  for (const { sender, recipient } of pairs) for (const socket of [sender, recipient]) socket.terminate()
}

/** The value below which so many per cent of the numbers are. */
export const percentile = (numbers, percent) => {
  const sorted = numbers.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]
}

export const median = (numbers) => percentile(numbers, 50)

/** Measures each server `rounds` times, in turn. Resolves with the results of each, by its name: `{ figure: number }`. */
export const takeTurns = async (names, rounds, measure) => {
  const results = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const name of names) results[name].push(await withServer(name, (server) => measure(name, server)))
  return results
}
