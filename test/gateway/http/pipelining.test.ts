// Clients that pipeline requests, never read responses or never finish a request.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRaw, startAs, within } from '../../support/raw-client.js'
import { attachGateway, startGateway } from '../../support/gateway.js'
import { until } from '../../support/until.js'

const get = 'GET /v1/chat-session.js HTTP/1.1\r\nHost: gateway\r\n\r\n'

/** A gateway on a host's server, which counts its sockets. */
const attached = await attachGateway({}, {}, { site: (_, response) => response.end('host') })
const own = await startGateway()

for (const [what, url] of [
  ['a server of its own', own.url],
  ['an attached server', attached.url],
] as const) {
  test(`on ${what}, a few pipelined requests get their responses in order`, async () => {
    const raw = await openRaw(url)
    raw.socket.write(
      `${get}GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\nGET /v1/missing HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n`,
    )
    if (what === 'a server of its own') {
      await within(raw.closed, 'close')
      const text = raw.received().toString('latin1')
      assert.deepEqual(
        [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status),
        ['200', '200', '404'],
      )
    } else {
      await within(raw.closed, 'close')
      assert.match(raw.received().toString('latin1'), /"status":"ok".*\r\n\r\n(4\r\n)?host/s)
    }
  })

  test(`on ${what}, one socket is closed after a thousand requests`, async () => {
    const raw = await openRaw(url)
    const health = 'GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n'
    let responses = 0
    while (!raw.socket.destroyed && responses < 1_500) {
      const before = raw.received().length
      raw.socket.write(health)
      await within(
        Promise.race([raw.closed, new Promise((resolve) => raw.socket.once('data', resolve))]),
        'response',
      )
      if (raw.received().length > before) responses += 1
    }
    assert.equal(responses, 1_000)
  })
}

test('a client that pipelines a megabyte and never reads loses its socket, and a session beside it goes on', async () => {
  const { url, server } = await attachGateway({}, {}, { site: (_, response) => response.end('host') })
  const honest = await startAs(url, 'ada')
  const raw = await openRaw(url)
  raw.socket.pause()
  raw.socket.write(get.repeat(Math.ceil(2 ** 20 / get.length)))
  const sockets = (): Promise<number> =>
    new Promise((resolve, reject) =>
      server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    )
  let sent = 0
  const sendAndCount = async (): Promise<number> => {
    const id = `m${++sent}`
    honest.send({ type: 'send', id, to: 'bob', body: 'x' })
    assert.equal((await honest.next('sent'))['id'], id)
    return sockets()
  }
  await until('only the honest socket is open', sendAndCount, 1)
})

for (const method of ['GET', 'POST'])
  test(`a client that drips the body of a ${method} request gets a response and loses its socket`, async () => {
    const raw = await openRaw(attached.url, { allowHalfOpen: true })
    raw.socket.write(`${method} /healthz HTTP/1.1\r\nHost: gateway\r\nContent-Length: 100000\r\n\r\n`)
    assert.equal((await raw.answer()).status, method === 'GET' ? 200 : 404)
    const drip = setInterval(() => raw.socket.write('x'), 50)
    await within(raw.closed, 'close').finally(() => clearInterval(drip))
  })
