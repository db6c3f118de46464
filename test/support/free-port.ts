import { once } from 'node:events'
import { createServer } from 'node:net'

/** These are below Linux's ephemeral ports, which begin at 32,768. Browsers refuse port 10,080 and some lower ones. */
const [FIRST, LAST] = [11_000, 32_000]

/** Each process begins at a port of its own, so that test files that run at once do not give the same port to two servers. */
const PORTS_OF_A_PROCESS = 24

/** This many ports are tried. If all of them fail, the last error is thrown. */
const TRIES = 20

let given = process.pid * PORTS_OF_A_PROCESS

/**
 * Returns a free port, for a server that can't be given port 0 or that closes and listens again. The system gives the port
 * to no other process meanwhile, because it is no ephemeral one. This process does not get it a second time, so it may
 * listen there as late as it likes.
 */
export const freePort = async (tries = TRIES): Promise<number> => {
  const port = FIRST + (given++ % (LAST - FIRST))
  const server = createServer()
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening')
  } catch (error) {
    if (tries === 1) throw error
    return freePort(tries - 1)
  }
  server.close()
  await once(server, 'close')
  return port
}
