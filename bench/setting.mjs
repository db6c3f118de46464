// What the rows share: the app, servers in processes, clients, and turns.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'

export const appId = 'bench'
export const secret = 'a secret of at least 32 bytes, for benchmarks'

/** Resolves with a token of this user. What is built is loaded here, so that `npm run figures` reads the rows without it. */
export const tokenOf = async (userId) => {
  const { createToken } = await import('../dist/tokens/index.js')
  return createToken({ appId, userId, secret })
}

/** Ends the name of a gateway on Bun. */
const ON_BUN = ', Bun'
/** The other server that runs on Bun. */
const BARE_ON_BUN = 'Bun.serve'
const bun = fileURLToPath(new URL('../node_modules/.bin/bun', import.meta.url))

export const isOnBun = (name) => name.endsWith(ON_BUN) || name === BARE_ON_BUN

/** Ends the name of a gateway that begins each start when it comes. */
const WITHOUT_QUEUE = ', no queue'
/** Ends the name of a gateway whose clients reconnect as those of its rival. */
export const AT_ONCE = ', clients at once'
/** The name of a server without what is special in a row. */
const serverOf = (name) =>
  [ON_BUN, WITHOUT_QUEUE, AT_ONCE].reduce((server, ending) => server.replace(ending, ''), name)
const withoutQueue = ['--import', new URL('no-start-queue.mjs', import.meta.url).href]

/** Runs `use` with a server of this name, which has these environment variables, and ends the server afterwards. */
export const withServer = async (name, use, env = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-bench-'))
  let child
  const start = async (port = 0) => {
    child = fork(new URL('servers.mjs', import.meta.url), [serverOf(name)], {
      ...(isOnBun(name) && { execPath: bun }),
      execArgv: ['--expose-gc', ...(name.endsWith(WITHOUT_QUEUE) ? withoutQueue : [])],
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
      usage: () => ask('usage'),
      /** Stores this many messages for each of these users, as if another user had sent them. */
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
    socket.once('close', (code) =>
      reject(new Error(`${name} has closed a connection with ${code} before it answered.`)),
    )
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
          .map(async (userId) => openSession(name, port, await tokenOf(userId))),
      )),
    )
  return sockets
}

/** Opens two sessions for each of `count` pairs of users: `sender`, and `recipient` of the user `to`. */
export const openPairs = (name, port, count, scheme) =>
  Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const open = async (userId) => openSession(name, port, await tokenOf(userId), scheme)
      const to = `recipient-${index}`
      const recipient = await open(to)
      return { recipient, sender: await open(`sender-${index}`), to }
    }),
  )

export const closePairs = (pairs) => {
  for (const { sender, recipient } of pairs) for (const socket of [sender, recipient]) socket.terminate()
}

/** The value that `percent` of the numbers stay below. */
export const percentile = (numbers, percent) => {
  const sorted = numbers.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]
}

/** The middle one of the numbers; of an even count the mean of the middle two. */
export const median = (numbers) => {
  const sorted = numbers.toSorted((one, other) => one - other)
  const half = sorted.length / 2
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2
}

/** Resolves with the memory of a server, once a collection frees less than 1 % of that memory. */
const settledMemory = async (server) => {
  let last = { rss: Infinity }
  for (let reading = 0; reading < 10; reading++) {
    const memory = await server.ask('memory')
    if (memory.rss > last.rss * 0.99) return memory.rss < last.rss ? memory : last
    last = memory
    await wait(300)
  }
  return last
}

/** The parts of a growth in memory. `made` has bytes of objects, by what made them: the live objects of the heap have these shares. */
const growthByPart = (before, after, made) => {
  const grown = (key) => after[key] - before[key]
  const sum = Object.values(made).reduce((total, bytes) => total + bytes, 0)
  return {
    ...Object.fromEntries(Object.entries(made).map(([part, bytes]) => [part, (grown('live') * bytes) / sum])),
    '(free memory of the heap)': grown('free'),
    '(external)': grown('external'),
    '(outside of the heap)': grown('rss') - grown('live') - grown('free') - grown('external'),
  }
}

/**
 * Measures each server `rounds` times, in turn; with `only` those alone. Resolves with the results of each, by its name:
 * `{ figure: number }`. `env` has environment variables of the servers. `onProfile` is called with the name of a server, the parts of
 * each figure that `server.cpuOf` or `server.growthOf` measures, by the file or function that they are due to, and that figure.
 */
export const takeTurns = async (names, { rounds, only, onProfile, env }, measure) => {
  const measured = only ? names.filter((name) => only.includes(name)) : names
  const results = Object.fromEntries(measured.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const name of measured)
      results[name].push(
        await withServer(
          name,
          (server) => {
            /** Resolves with the microseconds of the server's CPU that `run` takes. */
            const cpuOf = async (run) => {
              if (onProfile) await server.ask('profile CPU')
              const before = await server.usage()
              await run()
              const after = await server.usage()
              const cpu = after.cpu - before.cpu
              if (onProfile) onProfile(name, await server.ask('end profile'), cpu)
              return cpu
            }
            /** Resolves with the bytes by which the server's resident memory grows when `run` follows `warmUp`. */
            const growthOf = async (warmUp, run) => {
              if (onProfile) await server.ask('profile heap')
              await warmUp()
              const before = await settledMemory(server)
              await run()
              const after = await settledMemory(server)
              const bytes = after.rss - before.rss
              if (onProfile)
                onProfile(name, growthByPart(before, after, await server.ask('end profile')), bytes)
              return bytes
            }
            return measure(name, { ...server, cpuOf, growthOf })
          },
          env,
        ),
      )
  return results
}
