// Starts Redis servers of their own for the benchmarks: one, or the masters of a cluster.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'

/** How many times a server is asked whether it is ready, with a pause in milliseconds in between. */
const MAX_TRIES = 600
const PAUSE = 50

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** What a server answers to a command, as text. */
const ask = async (port, command) => {
  const socket = connect(port, '127.0.0.1')
  try {
    socket.write(`${command}\r\n`)
    const [data] = await once(socket, 'data')
    return data.toString()
  } finally {
    socket.destroy()
  }
}

/** What a server says about a section, as numbers. */
const info = async (port, section) =>
  Object.fromEntries(
    [...(await ask(port, `INFO ${section}`)).matchAll(/^(\w+):([\d.]+)\r?$/gm)].map(([, name, value]) => [
      name,
      Number(value),
    ]),
  )

const until = async (what, holds) => {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (await holds().catch(() => false)) return
    await wait(PAUSE)
  }
  throw new Error(`A redis-server was not ready in time: ${what}.`)
}

const startServer = async (folder, settings) => {
  const port = await freePort()
  const data = await mkdtemp(join(folder, 'data-'))
  const options = { port, bind: '127.0.0.1', dir: data, save: '', ...settings }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`])
  const child = spawn('redis-server', args, { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const stop = async () => {
    child.kill()
    await exited
  }
  try {
    await Promise.race([
      until('it answers', async () => Boolean(await info(port, 'server'))),
      exited.then(() => Promise.reject(new Error('redis-server has ended.'))),
    ])
  } catch (error) {
    child.kill()
    throw error
  }
  return { port, stop }
}

const formCluster = async (ports) => {
  const addresses = ports.map((port) => `127.0.0.1:${port}`)
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes'])
  for (const port of ports)
    await until('the cluster is formed', async () => {
      const state = await ask(port, 'CLUSTER INFO')
      return state.includes('cluster_state:ok') && state.includes(`cluster_known_nodes:${ports.length}`)
    })
}

/**
 * Calls `work` with a Redis that has these settings: one server, or with `masters` a cluster of so many masters without replicas. Its
 * servers end afterwards, and their data are deleted. `cpu` resolves with the CPU time of all servers together in microseconds, `memory`
 * with the bytes that their data take.
 */
export const withRedis = async ({ masters, settings = {} }, work) => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-bench-redis-'))
  const servers = []
  try {
    for (let n = 0; n < (masters ?? 1); n++)
      servers.push(
        await startServer(folder, {
          ...settings,
          // The default of ten thousand more than the port may be a port of another process.
          ...(masters && { 'cluster-enabled': 'yes', 'cluster-port': await freePort() }),
        }),
      )
    const ports = servers.map(({ port }) => port)
    const urls = ports.map((port) => `redis://127.0.0.1:${port}`)
    if (masters) await formCluster(ports)
    const sumOf = async (section, valueOf) => {
      const all = await Promise.all(ports.map((port) => info(port, section)))
      return all.reduce((sum, values) => sum + valueOf(values), 0)
    }
    return await work({
      /** How a gateway names it in its config. */
      engine: { type: 'redis', ...(masters ? { cluster: urls } : { url: urls[0] }) },
      /** How an engine names it. */
      server: masters
        ? { type: 'cluster', nodes: ports.map((port) => ({ host: '127.0.0.1', port })) }
        : { type: 'single', url: urls[0] },
      cpu: () => sumOf('cpu', ({ used_cpu_user: user, used_cpu_sys: system }) => (user + system) * 1e6),
      memory: () => sumOf('memory', ({ used_memory: bytes }) => bytes),
      /** Resolves with how often all servers together have run each command. */
      async commands() {
        const sums = {}
        for (const port of ports)
          for (const [, name, calls] of (await ask(port, 'INFO commandstats')).matchAll(
            /^cmdstat_([^:]+):calls=(\d+)/gm,
          ))
            sums[name] = (sums[name] ?? 0) + Number(calls)
        return sums
      },
    })
  } finally {
    await Promise.all(servers.map(({ stop }) => stop()))
    await rm(folder, { recursive: true, force: true })
  }
}
