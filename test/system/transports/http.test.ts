// Plain HTTP requests.
import assert from 'node:assert/strict'
import { restOf } from '../../support/rest/rest-calls.js'
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
