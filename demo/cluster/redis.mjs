import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HOST, listen, UsageError } from '../ports.mjs'
import { startChild } from './child.mjs'

const freePort = async () => {
  const server = createServer()
  const url = await listen(server, 0, 'Redis', 'PORT')
  await new Promise((resolve) => server.close(resolve))
  return new URL(url).port
}

/**
 * Starts a redis-server of the demo's own on a free port. Its data is deleted when it stops.
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export const startRedis = async () => {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-cluster-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  const options = { bind: HOST, port, dir: folder, save: '', appendonly: 'yes', appendfsync: 'always' }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  try {
    const server = await startChild('redis-server', args, /Ready to accept connections/)
    return {
      url: `redis://${HOST}:${port}`,
      async stop() {
        await server.stop()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT')
      throw new UsageError(
        "There is no redis-server. Install it with Debian's package: apt-get install redis-server.",
      )
    throw error
  }
}
