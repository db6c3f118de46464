// What the rows share: the app, servers in processes, clients, and turns.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { createToken } from '../dist/tokens/index.js'

export const appId = 'bench'
export const secret = 'a secret of at least 32 bytes, for benchmarks'

/** Ends the name of a gateway on Bun. */
const ON_BUN = ', Bun'
/** The other server that runs on Bun. */
const BARE_ON_BUN = 'Bun.serve'
const bun = fileURLToPath(new URL('../node_modules/.bin/bun', import.meta.url))

/** Runs `use` with a server of this name, which has these environment variables, and ends the server afterwards. */
export const withServer = async (name, use, env = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-bench-'))
  const isOnBun = name.endsWith(ON_BUN) || name === BARE_ON_BUN
  let child
  const start = async (port = 0) => {
    child = fork(new URL('servers.mjs', import.meta.url), [name.replace(ON_BUN, '')], {
      ...(isOnBun && { execPath: bun }),
      execArgv: ['--expose-gc'],
      env: { ...process.env, ...env, BENCH_FOLDER: folder, BENCH_PORT: String(port) },
    })
    return (await once(child, 'message'))[0].port
  }
  const ask = async (request) => {
    child.send(request)
    return (await once(child, 'message'))[0]
  }
  try {
    const port = await start()
    return await use({
      port,
      ask,
      /** `afterGc`: collects garbage first, for a figure of memory. */
      usage: (afterGc = false) => ask(afterGc ? 'usage after gc' : 'usage'),
      /** Stores so many messages for each of these users, as if another user had sent them. */
      fill: (userIds, messages) => ask({ userIds, messages }),
      /** Kills the server. */
      async kill() {
        child.kill('SIGKILL')
        await once(child, 'exit')
      },
      /** Starts a killed server again, with its port and folder. */
      restart: () => start(port),
    })
  } finally {
    child.disconnect()
    await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
}

const clients = {
  /** Sends the start in the handshake, as the project's client does. */
  'chat-session': (port, token, scheme, resume) => {
    const start = Buffer.from(JSON.stringify({ type: 'start', appId, token, resume })).toString('base64url')
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
  ws: (port, token, scheme, resume) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, 'chat-session.v1')
    socket.once('open', () => socket.send(JSON.stringify({ type: 'start', appId, token, resume })))
    return socket
  },
}

clients[BARE_ON_BUN] = clients.ws

/** Opens a connection, and sends a start with the protocol of this server. */
export const connect = (name, port, token, { scheme = 'ws', resume } = {}) => {
  const kind = Object.keys(clients).find((candidate) => name.startsWith(candidate))
  return clients[kind](port, token, scheme, resume)
}

/** Opens a session. Resolves when the server has answered the start. */
export const openSession = (name, port, token, scheme = 'ws') =>
  new Promise((resolve, reject) => {
    const socket = connect(name, port, token, { scheme })
    socket.once('error', reject)
    socket.on('message', (data) => /started|^40/.test(data.toString()) && resolve(socket))
  })

/** Opens a session for each of these users, some at a time. Resolves with the sockets. */
export const openSessions = async (name, port, userIds) => {
  const sockets = []
  for (let index = 0; index < userIds.length; index += 20)
    sockets.push(
      ...(await Promise.all(
        userIds
          .slice(index, index + 20)
          .map(async (userId) => openSession(name, port, await createToken({ appId, userId, secret }))),
      )),
    )
  return sockets
}

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

/**
 * Measures each server `rounds` times, in turn; with `only` that one alone. Resolves with the results of each, by its name:
 * `{ figure: number }`. `env` has environment variables of the servers. `onProfile` is called with the CPU time of each part that
 * `server.cpuOf` measures, by the file that spent it.
 */
export const takeTurns = async (names, { rounds, only, onProfile, env }, measure) => {
  const measured = only ? names.filter((name) => name === only) : names
  const results = Object.fromEntries(measured.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const name of measured)
      results[name].push(
        await withServer(
          name,
          (server) => {
            /** Resolves with the microseconds of the server's CPU that `run` takes. */
            const cpuOf = async (run) => {
              if (onProfile) await server.ask('profile')
              const before = await server.usage()
              await run()
              const { cpu } = await server.usage()
              if (onProfile) onProfile(await server.ask('end profile'))
              return cpu - before.cpu
            }
            return measure(name, { ...server, cpuOf })
          },
          env,
        ),
      )
  return results
}
