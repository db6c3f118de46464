import { once } from 'node:events'
import { createServer } from 'node:net'

/** These are below Linux's ephemeral ports, which begin at 32,768. Browsers refuse port 10,080 and some lower ones. */
const [FIRST, LAST] = [11_000, 32_000]

/** This many ports are tried. If all of them fail, the last error is thrown. */
const TRIES = 20

/**
 * Returns a free port, for a server that can't be given port 0 or that closes and listens again. The system gives the port
 * to no other process meanwhile, because it is no ephemeral one.
 */
export const freePort = async (tries = TRIES): Promise<number> => {
  const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
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
