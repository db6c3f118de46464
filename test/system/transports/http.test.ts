// Plain HTTP requests.
import assert from 'node:assert/strict'
import { restOf, statusAndCode } from '../../support/rest/rest-calls.js'
import { startOf } from '../../support/starts.js'
import { openRaw, startClient } from '../../support/raw-client.js'
import { createAppToken } from '../../../src/tokens/index.js'
import { secret } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import { serveOnBoth, testOnBoth } from './serve.js'

const urlOf = await serveOnBoth()

/** Sends bytes on a connection of its own. Returns the status and the body of the response. */
const ask = async (url: string, request: string): Promise<{ status: number; body: string }> => {
  const raw = await openRaw(url)
  raw.socket.write(request)
  const { status, headers } = await raw.answer()
  const length = Number(headers.get('content-length') ?? 0)
  const bodyOf = (): string => raw.received().toString().split('\r\n\r\n').slice(1).join('\r\n\r\n')
  await until('the body', () => Buffer.byteLength(bodyOf()) >= length)
  raw.socket.destroy()
  return { status, body: bodyOf() }
}

testOnBoth('health checks speak HTTP/1.0 without a Host header, too', async (runtime) => {
  for (const path of ['/healthz', '/readyz', 'http://chat.example.com/healthz']) {
    const { status, body } = await ask(urlOf(runtime), `GET ${path} HTTP/1.0\r\n\r\n`)
    assert.equal(status, 200, path)
    assert.match(body, /^\{"status":/)
  }
})

testOnBoth('malformed requests get a 400 each', async (runtime) => {
  for (const request of [
    'GET /healthz HTTP/1.1\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nHost: bad host\r\n\r\n',
    'nonsense\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n',
    'POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
  ])
    assert.equal((await ask(urlOf(runtime), request)).status, 400, request)
})

testOnBoth('the routes besides the WebSocket respond as documented', async (runtime) => {
  const url = urlOf(runtime)
  for (const [path, status, type] of [
    ['/v1/chat-session.js', 200, 'text/javascript; charset=utf-8'],
    ['/v1/errors', 200, 'text/html; charset=UTF-8'],
    ['/v1/openapi.json', 200, 'application/json'],
    ['/v1/asyncapi.json', 200, 'application/json'],
    ['/v1/session', 426, 'application/problem+json'],
    ['/nothing', 404, 'application/problem+json'],
  ] as const) {
    const response = await fetch(url + path)
    await response.text()
    assert.equal(response.status, status, path)
    assert.equal(response.headers.get('content-type'), type)
  }
  const { headers } = await fetch(`${url}/v1/chat-session.js`, { method: 'HEAD' })
  assert.equal(headers.get('access-control-allow-origin'), '*')
  const cached = await fetch(`${url}/v1/chat-session.js`, {
    headers: { 'if-none-match': headers.get('etag') ?? '' },
  })
  assert.equal(cached.status, 304)
})

testOnBoth('the REST API reads bodies, and refuses those that are too large or no JSON', async (runtime) => {
  const url = urlOf(runtime)
  const rest = restOf(url)
  const client = await startClient(url, await startOf('ada'))
  const sent = await rest('POST', '/messages', { to: ['ada'], id: '1', body: 'größer' })
  assert.equal(sent.status, 200, JSON.stringify(sent.body))
  assert.equal((await client.next('message'))['body'], 'größer')
  client.close()
  assert.deepEqual(statusAndCode(await rest('POST', '/messages', { body: 'x'.repeat(1_100_000) })), [
    413,
    'too-large',
  ])
  assert.deepEqual(statusAndCode(await rest('POST', '/messages', {}, { 'content-type': 'text/plain' })), [
    415,
    'unsupported-media-type',
  ])
  assert.equal((await rest('DELETE', '/users/eve')).status, 200)
  assert.equal((await fetch(`${url}/v1/apps/app/users`)).status, 401)
  assert.equal((await rest('PATCH', '/users/ada', {})).status, 405)
  const authorization = `Bearer ${await createAppToken({ appId: 'app', secret })}`
  const head = `POST /v1/apps/app/messages HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\n`
  // The body comes in chunks, without a length that tells how long it is.
  const chunk = 'x'.repeat(60_000)
  const chunks = `${chunk.length.toString(16)}\r\n${chunk}\r\n`.repeat(18)
  const { status } = await ask(url, `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`)
  assert.equal(status, 413)
})

testOnBoth(
  'a path is not resolved: dots in it are ids that do not exist, and never another call',
  async (runtime) => {
    const url = urlOf(runtime)
    const token = await createAppToken({ appId: 'app', secret })
    const call = (target: string) =>
      ask(url, `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`)
    assert.equal((await call('/v1/apps/app/usage')).status, 200)
    const client = await startClient(url, await startOf('ä'))
    assert.equal((await call('/v1/apps/app/users/%C3%A4/sessions')).status, 200)
    client.close()
    assert.equal((await call('/v1/apps/app/users/%C3%A4/messages?limit=1')).status, 200)
    assert.equal((await call('http://chat.example.com/v1/apps/app/usage')).status, 200)
    for (const target of [
      '/v1/apps/app/users/../usage',
      '/v1/apps/app/users/%2E%2e/usage',
      '/v1/apps/app/users/./usage',
      '/v1/apps/app/users/%zz/usage',
      '/v1/apps/app/users/../%zz/usage',
      '/v1/apps/app/users/x/../../usage',
      '/v1/apps/app/a/b/c/d/e/../../../../../usage',
      '/v1/apps/app/users/..\\usage',
      '/v1/apps/app/users\\..\\usage',
      '/nothing/../v1/apps/app/usage',
      '/v1/./apps/app/usage',
      '/v1/apps/app//usage',
      '/v1/apps/app/usage/',
    ]) {
      const { status, body } = await call(target)
      assert.ok(status === 400 || status === 404, `${status} for ${target}: ${body}`)
    }
  },
)

testOnBoth('a client that leaves inside of its body disturbs nothing', async (runtime) => {
  const url = urlOf(runtime)
  const authorization = `Bearer ${await createAppToken({ appId: 'app', secret })}`
  const raw = await openRaw(url)
  raw.socket.write(
    `POST /v1/apps/app/messages HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
  )
  raw.socket.resetAndDestroy()
  assert.equal((await restOf(url)('GET', '/usage')).status, 200)
})
