import { once } from 'node:events'
import { createServer } from 'node:net'

/** The kernel gives ports from 32,768 on (Linux) to those that ask for any; browsers refuse 10,080 and some below. */
const [FIRST, LAST] = [11_000, 32_000]

/** Tries. When so many ports in a row are taken, it isn't that: what is wrong is thrown. */
const TRIES = 20

/** A free port, for a server that can't be given 0 or that goes away and comes back: nobody is given it meanwhile. */
export const freePort = async (tries = TRIES) => {
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
