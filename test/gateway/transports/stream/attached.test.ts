// Streams on an HTTP server that is not the gateway's own.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { createRequestQueue } from '../../../../src/gateway/http/request-queue.js'
import { attachGateway, startGateway } from '../../../support/gateway.js'
import { listen } from '../../../support/network/http-server.js'
import { openRaw, startAs, type RawSocket } from '../../../support/raw-client.js'
import { startOf } from '../../../support/starts.js'
import { ask, openStream, startStream } from '../../../support/clients/stream-client.js'

test('an attached gateway answers its streams, and its server keeps its other paths', async () => {
  const { url, server } = await attachGateway({}, {}, { site: (_, response) => response.end('the site') })
  // Node closes idle sockets of a server after this time. A stream is never idle.
  server.timeout = 1_000
  const ada = await startStream(url, await startOf('ada'))
  const { body } = await ask(`${url}/v1/session/streams`, '')
  assert.equal(body, 'the site')
  const bob = await startAs(url, 'bob')
  // The server has closed a later socket, which was idle.
  await (
    await openRaw(url)
  ).closed
  bob.send({ type: 'send', id: '1', to: 'ada', body: 'Hello' })
  assert.equal((await ada.next('message'))['body'], 'Hello')
  assert.equal((await ada.send({ type: 'send', id: '1', to: 'bob', body: 'Hello' })).status, 204)
  assert.equal((await ada.next('sent'))['id'], '1')
  ada.cut()
})

test('an origin that no header may have ends nothing, on a server whose parser takes it', async () => {
  const server = createServer({ insecureHTTPParser: true, maxHeaderSize: 32_768 })
  const { url } = await attachGateway({}, {}, { server })
  const start = JSON.stringify(await startOf('ada'))
  for (const [method, status] of [
    ['POST', 200],
    ['GET', 405],
  ] as const) {
    const { socket, answer } = await openRaw(url)
    socket.write(
      `${method} /v1/session/stream HTTP/1.1\r\nHost: x\r\nOrigin: a\x01b\r\nContent-Length: ${start.length}\r\n\r\n${start}`,
    )
    assert.equal((await answer()).status, status)
    socket.destroy()
  }
})

test('an attached gateway that closes ends its streams, and later ones are the site’s', async () => {
  const { url, gateway } = await attachGateway({}, {}, { site: (_, response) => response.end('the site') })
  const ada = await startStream(url, await startOf('ada'))
  await gateway.close()
  assert.equal((await ada.end()).code, 4503)
  assert.equal((await ask(`${url}/v1/session/stream`, '{}')).body, 'the site')
})

test('a gateway closes once its streams have ended: their sockets end with them', async () => {
  const { url, close } = await startGateway({}, { pingInterval: 1 })
  const ada = await startStream(url, await startOf('ada'))
  await ada.send({ type: 'end' })
  assert.equal((await ada.end()).code, 1000)
  await close()
})

test('the socket of a stream takes no later request', async () => {
  const { url } = await startGateway()
  const ada = await startStream(url, await startOf('ada'))
  assert.equal(ada.headers.connection, 'close')
  ada.cut()
})

test('a stream outlives the time limit of other responses', async () => {
  const handle = createRequestQueue((request, response, stayOpen) => {
    if (request.url === '/stream') stayOpen()
    response.write('begin')
  }, 20)
  const { url } = await listen(createServer(handle))
  const get = async (path: string): Promise<RawSocket> => {
    const raw = await openRaw(url)
    raw.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await raw.answer()
    return raw
  }
  const stream = await get('/stream')
  await (
    await get('/other')
  ).closed
  assert.equal(stream.socket.destroyed, false)
  stream.socket.destroy()
})

test('the metrics count streams apart from WebSockets', async () => {
  const admin = { port: 0, token: 'a token of the admin listener, of 32 bytes' }
  const { url, gateway } = await startGateway({}, { admin })
  const scrape = async (): Promise<string> =>
    (
      await fetch(`${await gateway.listenAdmin()}/metrics`, {
        headers: { authorization: `Bearer ${admin.token}` },
      })
    ).text()
  await startStream(url, await startOf('ada'))
  await startAs(url, 'bob')
  await openStream(url, { type: 'pong' })
  const text = await scrape()
  for (const [transport, state, count] of [
    ['stream', 'live', 1],
    ['stream', 'opening', 1],
    ['websocket', 'live', 1],
    ['websocket', 'opening', 0],
  ])
    assert.ok(
      text.includes(`chat_session_connections{state="${state}",transport="${transport}"} ${count}\n`),
      text,
    )
})
