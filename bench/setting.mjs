// What all benchmarks share: an app, tokens, servers in processes, and how results are told.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { createToken } from '../dist/tokens/index.js'

export const appId = 'bench'
export const secret = 'a secret of at least 32 bytes, for benchmarks'

/** Runs `use` with a server of this name; ends it afterwards. */
export const withServer = async (name, use) => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-bench-'))
  const child = fork(new URL('servers.mjs', import.meta.url), [name], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, BENCH_FOLDER: folder },
  })
  try {
    const [{ port }] = await once(child, 'message')
    const usage = async () => {
      child.send('usage')
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
  /** The start rides in the handshake, as our client's does. */
  'chat-session': (port, token) => {
    const start = Buffer.from(JSON.stringify({ type: 'start', appId, token })).toString('base64url')
    return new WebSocket(`ws://127.0.0.1:${port}/v1/session`, ['chat-session.v1', `start.${start}`])
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

/** Opens a session as this server's clients do; resolves when the server has said that it is live. */
export const openSession = (name, port, token) =>
  new Promise((resolve, reject) => {
    const kind = Object.keys(clients).find((candidate) => name.startsWith(candidate))
    const socket = clients[kind](port, token)
    socket.once('error', reject)
    socket.on('message', (data) => /started|^40/.test(data.toString()) && resolve(socket))
  })

/** Opens two sessions for each of so many pairs of users: one sends, to the user `to`, whose session the other is. */
export const openPairs = (name, port, count) =>
  Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const open = async (userId) => openSession(name, port, await createToken({ appId, userId, secret }))
      const to = `recipient-${index}`
      const recipient = await open(to)
      return { recipient, sender: await open(`sender-${index}`), to }
    }),
  )

export const closePairs = (pairs) => {
  for (const { sender, recipient } of pairs) for (const socket of [sender, recipient]) socket.terminate()
}

export const median = (numbers) => numbers.toSorted((one, other) => one - other)[numbers.length >> 1]

/**
 * Measures each server `rounds` times, in turn, and prints the medians of what `measure` answers, `{ unit: number }`, with their
 * ratio to the first one.
 */
export const compare = async (names, measure, rounds = 5) => {
  const results = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const name of names) results[name].push(await withServer(name, (server) => measure(name, server)))
  for (const unit of Object.keys(results[names[0]][0])) {
    console.log(`\n${unit}`)
    const base = median(results[names[0]].map((result) => result[unit]))
    for (const name of names) {
      const measured = results[name].map((result) => result[unit])
      const middle = median(measured)
      const spread = `(${Math.min(...measured).toFixed(1)} to ${Math.max(...measured).toFixed(1)})`
      console.log(
        `${name.padEnd(26)}${middle.toFixed(1).padStart(10)} ${spread}  ${(middle / base).toFixed(2)} × ${names[0]}`,
      )
    }
  }
}
