import { once } from 'node:events'
import { createServer } from 'node:net'

/** These are below Linux's ephemeral ports, which begin at 32,768. Browsers refuse port 10,080 and some lower ones. */
const [FIRST, LAST] = [11_000, 32_000]

/**
 * A process takes ports of a block, of which it holds the first by listening on it. So no other process gives them to a server, not even
 * while this one's server is being restarted.
 */
const PORTS_OF_A_BLOCK = 24
const BLOCKS = (LAST - FIRST) / PORTS_OF_A_BLOCK

/** This many ports are tried. If all of them fail, the last error is thrown. */
const TRIES = 20

const blocks: Promise<number>[] = []
let given = 0

const listen = async (port: number): Promise<ReturnType<typeof createServer>> => {
  const server = createServer()
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return server
}

/** Resolves with the first port of a block that no other process holds. */
const takeBlock = async (n = 0): Promise<number> => {
  const first = FIRST + ((process.pid + n) % BLOCKS) * PORTS_OF_A_BLOCK
  try {
    const held = await listen(first)
    held.unref()
    return first
  } catch (error) {
    if (n === BLOCKS - 1) throw error
    return takeBlock(n + 1)
  }
}

/**
 * Returns a free port, for a server that can't be given port 0 or that closes and listens again. The system gives the port
 * to no other process meanwhile, because it is no ephemeral one. This process does not get it a second time, so it may
 * listen there as late as it likes.
 */
export const freePort = async (tries = TRIES): Promise<number> => {
  const ports = PORTS_OF_A_BLOCK - 1
  const block = (blocks[Math.floor(given / ports)] ??= takeBlock())
  const offset = 1 + (given++ % ports)
  const port = (await block) + offset
  try {
    const server = await listen(port)
    server.close()
    await once(server, 'close')
    return port
  } catch (error) {
    if (tries === 1) throw error
    return freePort(tries - 1)
  }
}
