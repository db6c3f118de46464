import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attachGateway, newGateway, startGateway, testApp } from '../../support/gateway.js'
import { startAs } from '../../support/raw-client.js'
import { until } from '../../support/until.js'

const token = 'the admin token of a test, 32 bytes'
const readToken = 'the read token of a test, 32 bytes.'
const admin = { port: 0, token, readToken }

const run = async () => {
  const gateway = await startGateway({}, { admin })
  const url = await gateway.gateway.listenAdmin()
  assert.ok(url)
  const request = (path: string, bearer?: string, method = 'GET') =>
    fetch(url + path, { method, headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` } })
  return { ...gateway, adminUrl: url, request }
}

const codeOf = async (response: Response): Promise<unknown> =>
  ((await response.json()) as { code?: unknown }).code

test('the metrics take either token, in the text format of Prometheus', async () => {
  const { request } = await run()
  for (const bearer of [token, readToken]) {
    const response = await request('/metrics', bearer)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    const text = await response.text()
    assert.match(text, /^chat_session_ready 1$/m)
    assert.match(text, /^process_cpu_seconds_total /m)
    assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m)
  }
})

test('without a token the admin listener answers health checks only', async () => {
  const { request } = await run()
  assert.equal((await request('/healthz')).status, 200)
  assert.equal((await request('/readyz')).status, 200)
  for (const path of ['/metrics', '/api/me', '/api/nothing']) {
    const response = await request(path)
    assert.equal(response.status, 401, path)
    assert.equal(response.headers.get('www-authenticate'), 'Bearer')
    assert.equal(await codeOf(response), 'unauthenticated')
    assert.equal((await request(path, `${token}x`)).status, 401, path)
  }
  assert.equal((await request('/v1/session')).status, 404)
})

test('the console’s files need no token, and a browser that has one gets a 304', async () => {
  const { adminUrl, request } = await run()
  for (const [path, type] of [
    ['/', 'text/html; charset=utf-8'],
    ['/console.js', 'text/javascript; charset=utf-8'],
    ['/base.css', 'text/css; charset=utf-8'],
    ['/icon.svg', 'image/svg+xml; charset=utf-8'],
  ] as const) {
    const { status, headers } = await request(path)
    assert.deepEqual([status, headers.get('content-type')], [200, type], path)
    assert.equal(headers.get('cache-control'), 'no-cache')
    const again = await fetch(adminUrl + path, { headers: { 'if-none-match': headers.get('etag') ?? '' } })
    assert.equal(again.status, 304, path)
    assert.equal(again.headers.get('cache-control'), 'no-cache')
    assert.match(again.headers.get('content-security-policy') ?? '', /^default-src 'none'/)
  }
})

test('the public listener has no metrics and no API', async () => {
  const { url } = await run()
  for (const path of ['/metrics', '/api/me'])
    assert.equal(
      (await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })).status,
      404,
      path,
    )
})

test('the API says what a token may do, and the read token changes nothing', async () => {
  const { request } = await run()
  const roleOf = async (bearer: string) =>
    ((await (await request('/api/me', bearer)).json()) as { role: unknown }).role
  assert.equal(await roleOf(token), 'admin')
  assert.equal(await roleOf(readToken), 'read')
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const response = await request('/api/me', readToken, method)
    assert.equal(response.status, 403, method)
    assert.equal(await codeOf(response), 'refused')
    assert.equal((await request('/api/me', token, method)).status, 404, method)
  }
})

test('an address with many failed log-ins is sent 429 with Retry-After, unless its token is right, and the log names no token', async () => {
  const { request, lines } = await run()
  for (let i = 0; i < 10; i++) assert.equal((await request('/metrics', `guess ${i}`)).status, 401)
  const response = await request('/metrics', 'guess again')
  assert.equal(response.status, 429)
  assert.equal(response.headers.get('retry-after'), '10')
  for (const bearer of [token, readToken]) assert.equal((await request('/metrics', bearer)).status, 200)
  assert.equal((await request('/healthz')).status, 200)
  const log = lines.join('')
  assert.match(log, /a log-in on the admin listener was refused/)
  assert.ok(!log.includes('guess') && !log.includes(token))
})

test('a body that is too large, or of unknown length, is not read', async () => {
  const { adminUrl } = await run()
  const headers = { authorization: `Bearer ${token}` }
  const post = (body: RequestInit['body']) =>
    fetch(`${adminUrl}/api/me`, { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
  assert.equal((await post('x'.repeat(65_536))).status, 404)
  assert.equal((await post('x'.repeat(65_537))).status, 413)
  assert.equal((await post(new Blob(['x']).stream())).status, 411)
})

test('every response has a strict policy, and those with a token are not stored', async () => {
  const { request } = await run()
  for (const path of ['/', '/healthz', '/metrics', '/api/me', '/nothing']) {
    const { headers } = await request(path, token)
    assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'; script-src 'self';/)
    assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe|\*/)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
    assert.equal(headers.get('set-cookie'), null)
  }
  assert.equal((await request('/metrics', token)).headers.get('cache-control'), 'no-store')
  assert.equal((await request('/api/me')).headers.get('cache-control'), 'no-store')
})

test('an admin token can be replaced by a reload', async () => {
  const { gateway, request } = await run()
  const next = 'the next admin token of a test, 32 bytes'
  const { applied } = await gateway.reload({
    listen: { port: 0 },
    engine: { type: 'memory' },
    admin: { port: 0, token: next },
    apps: { app: testApp() },
  })
  assert.deepEqual(applied.sort(), ['admin.readToken', 'admin.token'])
  assert.equal((await request('/metrics', token)).status, 401)
  assert.equal((await request('/metrics', readToken)).status, 401)
  assert.equal((await request('/metrics', next)).status, 200)
})

test('without admin in the config there is no admin listener', async () => {
  const { gateway } = await startGateway()
  assert.equal(await gateway.listenAdmin(), null)
})

test('an admin port in use fails listen(), which can be called again', async () => {
  const { adminUrl, close } = await run()
  const port = Number(new URL(adminUrl).port)
  const { gateway: second } = newGateway({}, { admin: { port, token } })
  await assert.rejects(second.listen(), { code: 'port-in-use' })
  await close()
  await second.listen()
  assert.equal(await second.listenAdmin(), adminUrl)
})

test('an attached gateway starts its admin listener', async () => {
  const attached = await attachGateway({}, { admin })
  const address = await attached.gateway.listenAdmin()
  assert.equal((await fetch(`${address}/healthz`)).status, 200)
})

test('a drain can be watched on the admin listener', async () => {
  let release: (() => void) | undefined
  const authorizeSend = () => new Promise<boolean>((resolve) => (release = () => resolve(true)))
  const { gateway, url } = await startGateway({ authorizeSend }, { admin })
  const adminUrl = await gateway.listenAdmin()
  const ada = await startAs(url, 'ada')
  ada.send({ type: 'send', id: 'one', to: 'ada', body: 'x' })
  await until('the message waits for authorizeSend', () => release !== undefined)
  const closed = gateway.close()
  assert.equal((await fetch(`${adminUrl}/readyz`)).status, 503)
  const metrics = await fetch(`${adminUrl}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  const text = await metrics.text()
  assert.match(text, /^chat_session_ready 0$/m)
  assert.match(text, /^chat_session_connections\{state="draining",transport="websocket"\} 1$/m)
  release?.()
  await closed
})

test('a closed gateway closes its admin listener', async () => {
  const { gateway, adminUrl, close } = await run()
  await close()
  await assert.rejects(fetch(adminUrl))
  await assert.rejects(gateway.listenAdmin(), { code: 'closed' })
})
