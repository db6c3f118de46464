import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { createGateway, createLog, GatewayError, type Gateway } from '../../src/gateway/index.js'
import { handshake, openClient, openRaw, startClient, within } from '../support/raw-client.js'
import { startOf, testApp } from './support.js'

const makeGateway = (): Gateway => {
  const gateway = createGateway(
    { engine: { type: 'memory' }, apps: { app: testApp() } },
    { env: {}, log: createLog({ level: 'fatal' }) },
  )
  after(() => gateway.close())
  return gateway
}

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const status = async (address: string): Promise<number> => (await fetch(address)).status

const theirServer = (): Server =>
  createServer({ maxHeaderSize: 32_768 }, (request, response) => response.end(`theirs: ${request.url}`))

/** What `ws` of theirs, on a path of its own, says to whoever connects. */
const theirWord = (url: string): Promise<string> =>
  within(
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/theirs`)
      socket.on('error', reject)
      socket.on('message', (data: Buffer) => {
        resolve(data.toString())
        socket.terminate()
      })
    }),
    'word',
  )

test('their routes and their WebSockets keep working beside the gateway, and after it', async () => {
  const server = theirServer()
  const sockets = new WebSocketServer({ server, path: '/theirs' })
  sockets.on('connection', (socket) => socket.send('theirs'))
  const gateway = makeGateway()
  gateway.attach(server)
  const url = await listen(server)

  const check = async (): Promise<void> => {
    assert.equal(await theirWord(url), 'theirs')
    for (const path of ['/', '/healthz2', '/v1/', '/v1/users', '/v1/sessions?x=/v1/session'])
      assert.equal(await (await fetch(url + path)).text(), `theirs: ${path}`)
  }
  await check()
  const client = await startClient(url, await startOf('ada'))
  assert.equal(await status(`${url}/healthz`), 200)
  assert.equal((await (await fetch(`${url}/v1/chat-session.js`)).text()).includes('theirs:'), false)

  await gateway.close()
  const { code, reason } = await client.end()
  assert.deepEqual([code, reason], [4503, 'unavailable'])
  assert.equal(server.listening, true)
  await check()
  assert.equal(await (await fetch(`${url}/healthz`)).text(), 'theirs: /healthz')
})

test('a client that never answers the close is cut on a server of theirs, too', async () => {
  const server = theirServer()
  const gateway = makeGateway()
  gateway.attach(server)
  const rude = await openRaw(await listen(server))
  rude.socket.write(handshake())
  await rude.answer()
  await gateway.close()
  await within(rude.closed, 'cut')
})

test('a server that has nothing else answers 404 beside the gateway', async () => {
  const server = createServer()
  makeGateway().attach(server)
  const url = await listen(server)
  assert.equal(await status(`${url}/elsewhere`), 404)
  assert.equal(await status(`${url}/healthz`), 200)
  const raw = await openRaw(url)
  raw.socket.write(handshake({}, '/elsewhere'))
  assert.equal((await raw.answer()).status, 404)
})

test('WebSockets of somebody who came after the gateway are theirs', async () => {
  const server = theirServer()
  makeGateway().attach(server)
  server.on('upgrade', (request, socket) => {
    if (request.url === '/late') socket.end('HTTP/1.1 410 Gone\r\n\r\n')
  })
  const url = await listen(server)
  const raw = await openRaw(url)
  raw.socket.write(handshake({}, '/late'))
  assert.equal((await raw.answer()).status, 410)
})

test('who connects before the engine is open waits for it inside the socket', async () => {
  const server = createServer()
  const gateway = makeGateway()
  const url = await listen(server)
  gateway.attach(server)
  const client = openClient(url, { start: await startOf('ada') })
  assert.equal((await client.next()).type, 'started')
  client.close()
})

test('another gateway may take a closed one’s place on the same server', async () => {
  const server = theirServer()
  const url = await listen(server)
  for (let round = 0; round < 2; round += 1) {
    const gateway = makeGateway()
    gateway.attach(server)
    const client = await startClient(url, await startOf('ada'))
    await gateway.close()
    assert.equal((await client.end()).code, 4503)
  }
  assert.equal(server.listenerCount('request'), 1)
  assert.equal(server.listenerCount('upgrade'), 0)
})

test('a closed gateway attaches to nothing and listens no more', async () => {
  const gateway = makeGateway()
  await gateway.close()
  const isClosed = (error: unknown): boolean => error instanceof GatewayError && error.code === 'closed'
  assert.throws(() => gateway.attach(createServer()), isClosed)
  await assert.rejects(gateway.listen(), isClosed)
  await assert.rejects(gateway.ready(), isClosed)
  await gateway.close()
})
