import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { createMemoryEngine, EngineError } from '../../src/engine/index.js'
import { GatewayError } from '../../src/gateway/index.js'
import { handshake, openClient, openRaw, startAs, within } from '../support/raw-client.js'
import { until } from '../support/until.js'
import { startOf } from '../support/starts.js'
import { newGateway } from '../support/gateway.js'
import { listen } from '../support/network/http-server.js'

const status = async (address: string): Promise<number> => (await fetch(address)).status

const createHost = (
  respond = (request: IncomingMessage, body: string): string => `theirs: ${request.url}${body}`,
): Server =>
  createServer({ maxHeaderSize: 32_768 }, (request, response) => {
    void text(request).then((body) => response.end(respond(request, body)))
  })

/** Attaches a new gateway to a host server, which then listens. */
const attach = async (server = createHost(), ...given: Parameters<typeof newGateway>) => {
  const made = newGateway(...given)
  made.gateway.attach(server)
  return { ...made, ...(await listen(server)) }
}

const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'

/** The first message of the host’s own WebSocket server, at `/theirs`. */
const firstMessage = (url: string): Promise<string> =>
  within(
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/theirs`)
      socket.on('error', reject)
      socket.on('message', (data: Buffer) => {
        resolve(data.toString())
        socket.terminate()
      })
    }),
    'message',
  )

test('the routes and WebSockets of the host server keep working while the gateway is attached, and after it is closed', async () => {
  const server = createHost()
  const sockets = new WebSocketServer({ server, path: '/theirs' })
  sockets.on('connection', (socket) => socket.send('theirs'))
  const { gateway, url } = await attach(server)

  const check = async (): Promise<void> => {
    assert.equal(await firstMessage(url), 'theirs')
    for (const path of ['/', '/healthz2', '/v1/', '/v1/users', '/v1/sessions?x=/v1/session'])
      assert.equal(await (await fetch(url + path)).text(), `theirs: ${path}`)
  }
  await check()
  const client = await startAs(url, 'ada')
  assert.equal(await status(`${url}/healthz`), 200)
  assert.equal((await (await fetch(`${url}/v1/chat-session.js`)).text()).includes('theirs:'), false)

  await gateway.close()
  const { code, reason } = await client.end()
  assert.deepEqual([code, reason], [4503, 'unavailable'])
  assert.equal(server.listening, true)
  await check()
  assert.equal(await (await fetch(`${url}/healthz`)).text(), 'theirs: /healthz')
})

test('on a host server, too, the socket of a client that never answers the close is destroyed', async () => {
  const { gateway, url } = await attach()
  const rude = await openRaw(url)
  rude.socket.write(handshake())
  await rude.answer()
  await gateway.close()
  await within(rude.closed, 'cut')
})

test('a full gateway closes no socket on which its host answers', async () => {
  let finish = (): void => assert.fail('the host got no request')
  const host = createServer({ maxHeaderSize: 32_768 }, (_, response) => {
    response.write('begun')
    finish = () => response.end('done')
  })
  const { url } = await attach(host, {}, { limits: { connections: 1 } })
  await startAs(url, 'ada')
  const raw = await openRaw(url)
  raw.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /theirs HTTP/1.1\r\nHost: x\r\n\r\n')
  await until('the host answers', () => raw.received().includes('begun'))
  assert.equal(await status(`${url}/healthz`), 200)
  const refused = await openClient(url, { start: await startOf('bob') }).end()
  assert.equal(refused.code, 4503)
  finish()
  await until('the answer of the host', () => raw.received().includes('done'))
})

test('a server without other listeners responds 404 to other paths', async () => {
  const { url } = await attach(createServer())
  assert.equal(await status(`${url}/elsewhere`), 404)
  assert.equal(await status(`${url}/healthz`), 200)
  const raw = await openRaw(url)
  raw.socket.write(handshake({}, '/elsewhere'))
  assert.equal((await raw.answer()).status, 404)
})

test('an upgrade listener that is added after attach() gets the upgrades of other paths', async () => {
  const server = createHost()
  const { url } = await attach(server)
  server.on('upgrade', (request, socket) => {
    if (request.url === '/late') socket.end('HTTP/1.1 410 Gone\r\n\r\n')
  })
  const raw = await openRaw(url)
  raw.socket.write(handshake({}, '/late'))
  assert.equal((await raw.answer()).status, 410)
})

test('a start before the engine is open is answered when it is open', async () => {
  const server = createServer()
  const { gateway } = newGateway()
  const { url } = await listen(server)
  gateway.attach(server)
  const client = openClient(url, { start: await startOf('ada') })
  assert.equal((await client.next()).type, 'started')
})

test('an upgrade to another protocol is a request of the host, as `curl --http2` sends it', async () => {
  const { url } = await attach(createHost((request, body) => `theirs: ${request.url} ${body}`))
  const raw = await openRaw(url)
  raw.socket.write(`GET /page HTTP/1.1\r\nHost: host\r\n${upgrade}\r\n`)
  const page = await raw.answer()
  assert.equal(page.status, 200)
  await until('the host’s own page', () => raw.received().includes('theirs: /page '))
  // The connection stays usable, and the gateway's own paths are requests too.
  raw.socket.write(`POST /form HTTP/1.1\r\nHost: host\r\nContent-Length: 4\r\n${upgrade}\r\nbody`)
  await until('a response with the body', () => raw.received().includes('theirs: /form body'))
  raw.socket.write(`GET /healthz HTTP/1.1\r\nHost: host\r\n${upgrade}\r\n`)
  await until('a response of the gateway', () => raw.received().includes('"status":"ok"'))
})

test('a client that resets its socket while its upgrade waits for an earlier response harms no one', async () => {
  let respond: (() => void) | undefined
  const server = createServer((_, response) => {
    respond = () => void response.end('theirs')
  })
  const { url } = await attach(server)
  const closed = new Promise((resolve) =>
    server.once('connection', (socket) => socket.once('close', resolve)),
  )
  const raw = await openRaw(url)
  raw.socket.write(`GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`)
  await until('the first request', () => respond !== undefined)
  raw.socket.resetAndDestroy()
  // The host's response finds the reset.
  respond?.()
  await within(closed, 'close')
  assert.equal(await status(`${url}/healthz`), 200)
})

test('after a gateway is closed, another one can be attached to the same server', async () => {
  const server = createHost()
  const { url } = await listen(server)
  for (let round = 0; round < 2; round += 1) {
    const { gateway } = newGateway()
    gateway.attach(server)
    const client = await startAs(url, 'ada')
    await gateway.close()
    assert.equal((await client.end()).code, 4503)
  }
  assert.equal(server.listenerCount('request'), 1)
  assert.equal(server.listenerCount('upgrade'), 0)
})

test('a gateway that is closed after another one was attached leaves one listener to answer each request', async () => {
  let asked = 0
  const server = createServer({ maxHeaderSize: 32_768 }, (request, response) => {
    asked += 1
    response.end(`theirs: ${request.url}`)
  })
  const sockets = new WebSocketServer({ server, path: '/theirs' })
  sockets.on('connection', (socket) => socket.send('theirs'))
  const { url } = await listen(server)
  const [{ gateway: first }, { gateway: second }] = [newGateway(), newGateway()]
  first.attach(server)
  second.attach(server)
  /** Returns how many calls of the host's listener a request causes. */
  const callsFor = async (path: string): Promise<number> => {
    const before = asked
    await (await fetch(url + path)).text()
    return asked - before
  }
  await first.close()
  assert.equal(await callsFor('/'), 1)
  assert.equal(await callsFor('/healthz'), 0)
  assert.equal(await firstMessage(url), 'theirs')
  const client = await startAs(url, 'ada')
  await second.close()
  assert.equal((await client.end()).code, 4503)
  for (const path of ['/', '/healthz']) assert.equal(await callsFor(path), 1, path)
  assert.equal(await firstMessage(url), 'theirs')
})

test('a gateway that is closed after another one was attached leaves upgrades to other protocols plain requests', async () => {
  const server = createHost((request, body) => `theirs: ${request.url} ${body}`)
  const { url } = await listen(server)
  const [{ gateway: first }, { gateway: second }] = [newGateway(), newGateway()]
  first.attach(server)
  second.attach(server)
  const raw = await openRaw(url)
  const post = async (path: string): Promise<void> => {
    raw.socket.write(`POST ${path} HTTP/1.1\r\nHost: host\r\nContent-Length: 4\r\n${upgrade}\r\nbody`)
    await until(`a response with the body, to ${path}`, () => raw.received().includes(`theirs: ${path} body`))
  }
  await first.close()
  await post('/one')
  await second.close()
  await post('/none')
})

test('attach(), listen() and ready() of a closed gateway fail as closed', async () => {
  const { gateway } = newGateway()
  await gateway.listen()
  await gateway.close()
  const isClosed = (error: unknown): boolean => error instanceof GatewayError && error.code === 'closed'
  assert.throws(() => gateway.attach(createServer()), isClosed)
  await assert.rejects(gateway.listen(), isClosed)
  await assert.rejects(gateway.ready(), isClosed)
  await gateway.close()
})

test('a gateway that is closed while its engine opens ends the connections that wait for it, and logs no error', async () => {
  const engine = createMemoryEngine()
  const { close } = engine
  let isOpening = false
  // As the embedded engine does, `close()` ends an `open()` that is still reading its folder.
  engine.open = () =>
    new Promise((_, reject) => {
      isOpening = true
      engine.close = () => {
        reject(new EngineError('unavailable', 'The engine is closed.'))
        return close.call(engine)
      }
    })
  const { gateway, lines } = newGateway({}, {}, { engine })
  const server = createHost()
  const { url } = await listen(server)
  gateway.attach(server)
  const client = openClient(url, { start: await startOf('ada') })
  await client.opened
  await until('the engine opening', () => isOpening)
  const closing = gateway.close()
  assert.equal((await client.end()).code, 4503)
  await closing
  const errors = lines.filter((line) => (JSON.parse(line) as { level: string }).level === 'error')
  assert.deepEqual(errors, [])
})
