// Measures a Redis engine alone, without gateways: sends and starts a second, and the memory that Redis needs. node bench/redis-engine.mjs
/* global performance */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryEngine, createRedisEngine } from '../dist/engine/index.js'

const USERS = 1_000
const AT_ONCE = 100
const CALLS = 20_000
const DAY = 86_400_000

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

/** What a Redis says about a section, as numbers. */
const info = (port, section) =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`INFO ${section}\r\n`))
    socket.on('error', reject).once('data', (data) => {
      socket.destroy()
      const lines = data.toString().matchAll(/^(\w+):([\d.]+)\r?$/gm)
      resolve(Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)])))
    })
  })

/** The CPU time of a Redis, in microseconds. */
const redisCpu = async (port) => {
  const { used_cpu_user: user, used_cpu_sys: system } = await info(port, 'cpu')
  return (user + system) * 1e6
}

const rules = {
  sendWindow: DAY,
  retention: { messages: 1_000, age: 30 * DAY, bytes: 1e9 },
  unknownRecipients: true,
  unreadPerSender: 1,
  quota: { inboxes: 1e9, bytes: 1e15 },
}

/** Calls `call` so many times, some at once. Returns calls a second. */
const rate = async (call) => {
  const began = performance.now()
  let next = 0
  const worker = async () => {
    while (next < CALLS) await call(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return Math.round((CALLS / (performance.now() - began)) * 1_000)
}

const requestOf = (userId, id) => ({
  ...{ appId: 'app', userId, guest: false, origin: 'https://example.com', address: '203.0.113.1' },
  ...{ client: 'bench/1', node: 'bench', hidden: false, resumableFor: 60_000, sessionsPerUser: 10 },
  credential: { authMethod: 'token', tokenId: null, issuedAt: Date.now(), expiresAt: null },
  ...{ connectionId: `connection ${id}`, keyHash: `a hash of 44 characters, as of a key ${id}` },
})

/** Prints calls a second, and the CPU time that a call takes of this process and of Redis. */
const report = async (name, what, port, run) => {
  const [cpu, redis] = [process.cpuUsage(), port && (await redisCpu(port))]
  const perSecond = await run()
  const { user, system } = process.cpuUsage(cpu)
  const own = `${((user + system) / CALLS).toFixed(1)} µs of this process`
  const its = port ? `, ${(((await redisCpu(port)) - redis) / CALLS).toFixed(1)} µs of Redis` : ''
  console.log(`${name}: ${perSecond} ${what} a second, ${own}${its} each`)
}

const measure = async (name, engine, port) => {
  await engine.open()
  let run = 0
  const send = () => {
    const round = ++run
    return rate((n) =>
      engine.send(
        {
          appId: 'app',
          id: `${round}-${n}`,
          from: `user ${n % USERS}`,
          to: `user ${(n * 7 + 1) % USERS}`,
          body: 'Is the blue one still there? I would come for it on Saturday.',
        },
        rules,
      ),
    )
  }
  const start = () => {
    const round = ++run
    return rate((n) => engine.startSession(requestOf(`user ${round} ${n}`, `${round}-${n}`)))
  }
  await send()
  await report(name, 'sends', port, send)
  await start()
  await report(name, 'starts', port, start)
  await engine.close()
}

/** Prints the bytes that Redis needs for each of so many users, sessions, inboxes and messages. */
const measureMemory = async (engine, port) => {
  await engine.open()
  const of = (n) => ({ appId: 'app', userId: `user-${String(n).padStart(8, '0')}` })
  const send = (n, id) =>
    engine.send({ appId: 'app', id, from: null, to: of(n).userId, body: 'x'.repeat(200) }, rules)
  const steps = {
    'a user': (n) =>
      engine.saveUser(of(n), { vouched: { profile: { name: `Ada ${n}` }, issuedAt: Date.now() } }),
    'a session': (n) => engine.startSession(requestOf(of(n).userId, `m-${n}`)),
    'an inbox with one message of 200 bytes': (n) => send(n, `${n}-first`),
    'one more such message': (n) => send(n, `${n}-second`),
  }
  for (const [what, call] of Object.entries(steps)) {
    const { used_memory: before } = await info(port, 'memory')
    await rate(call)
    const { used_memory: after } = await info(port, 'memory')
    console.log(`${Math.round((after - before) / CALLS)} bytes of Redis for ${what}`)
  }
  await engine.close()
}

console.log(
  `${CALLS} calls, ${AT_ONCE} at once, after as many to warm up; ${USERS} users who write to each other`,
)
await measure('memory', createMemoryEngine())
const folder = mkdtempSync(join(tmpdir(), 'bench-redis-'))
for (const [name, settings] of [
  ['Redis without a file', ['--appendonly', 'no']],
  ['Redis, appendfsync everysec', ['--appendonly', 'yes', '--appendfsync', 'everysec']],
  ['Redis, appendfsync always', ['--appendonly', 'yes', '--appendfsync', 'always']],
]) {
  const port = await freePort()
  const server = spawn(
    'redis-server',
    [
      ...['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', mkdtempSync(join(folder, 'data-'))],
      ...settings,
    ].map(String),
    { stdio: 'ignore' },
  )
  try {
    await new Promise((resolve) => setTimeout(resolve, 500))
    const url = `redis://127.0.0.1:${port}`
    await measure(name, createRedisEngine({ server: { type: 'single', url } }), port)
    if (name === 'Redis without a file')
      await measureMemory(createRedisEngine({ server: { type: 'single', url }, prefix: 'memory:' }), port)
  } finally {
    server.kill()
  }
}
rmSync(folder, { recursive: true, force: true })
