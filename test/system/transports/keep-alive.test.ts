// How long the gateway keeps connections without a request. The gateways wait at the same time, because the wait is long.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { serveOnBoth, testOnBoth } from './serve.js'
import { runtimes } from '../../support/processes/runtimes.js'

/** Milliseconds for which nginx, HAProxy and Amazon's balancers keep connections, and three seconds more. */
const IDLE = 63_000

const address = await serveOnBoth()

/** Sends two requests on one connection, with the pause of a proxy between them. Resolves with the text of each answer. */
const askTwice = async (url: string): Promise<string[]> => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const ask = async (): Promise<string> => {
    socket.write('GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n')
    const [answer] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as [unknown]
    return String(answer)
  }
  const first = await ask()
  await sleep(IDLE)
  const second = await ask()
  socket.destroy()
  return [first, second]
}

const answers = new Map(runtimes.map((runtime) => [runtime, askTwice(address(runtime))]))

testOnBoth('a request is answered on a connection that a proxy has kept for a minute', async (runtime) => {
  for (const answer of (await answers.get(runtime)) ?? []) assert.match(answer, /^HTTP\/1.1 200/)
})
