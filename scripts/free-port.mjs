import { once } from 'node:events'
import { createServer } from 'node:net'

/** The kernel gives ports from 32,768 on (Linux) to those that ask for any. */
const [FIRST, LAST] = [10_000, 32_000]

/** A free port, for a server that can't be given 0 or that goes away and comes back: nobody is given it meanwhile. */
export const freePort = async () => {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    const server = createServer()
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening')
    } catch {
      // Somebody is there.
      continue
    }
    server.close()
    await once(server, 'close')
    return port
  }
}
