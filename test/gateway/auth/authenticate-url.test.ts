// Starts with auth params that the app's backend answers at `authenticateUrl`, on real servers.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import type { AppConfig, GatewayConfig } from '../../../src/gateway/index.js'
import { startServer } from '../../support/network/http-server.js'
import { openClient, startClient, type ClientOptions } from '../../support/raw-client.js'
import { startGateway, testApp } from '../../support/gateway.js'
import { startWithParams } from '../../support/starts.js'

const secret = `whsec_${randomBytes(32).toString('base64')}`

interface Received {
  body: Record<string, unknown>
  headers: IncomingMessage['headers']
}

type Respond = (response: ServerResponse, received: Received) => unknown

/** Starts a backend that verifies each request by the reference library, and a gateway with its URL. */
const run = async (
  respond: Respond,
  app: Partial<AppConfig> & { forwardHeaders?: string[] } = {},
  config: Partial<GatewayConfig> = {},
) => {
  const received: Received[] = []
  const backend = await startServer((request, response) => {
    void text(request).then((json) => {
      const headers = request.headers as Record<string, string>
      const body = new Webhook(secret).verify(json, headers) as Received['body']
      received.push({ body, headers })
      respond(response, { body, headers })
    })
  })
  const { forwardHeaders = [], ...rest } = app
  const gateway = await startGateway(
    {
      authenticateUrl: { url: `${backend.url}/authenticate?key=s3cret`, secrets: [secret], forwardHeaders },
      ...rest,
    },
    config,
  )
  const authenticateUrl = { url: `${backend.url}/authenticate?key=s3cret`, secrets: [secret] }
  return { ...gateway, received, backend, authenticateUrl }
}

const answer = (status: number, body?: unknown): Respond => {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  return (response) => response.writeHead(status, { 'content-type': 'application/json' }).end(text)
}

const start = startWithParams('ada', { pass: 'p4ss' })

const endOf = async (url: string, options: Partial<ClientOptions> = {}) => {
  const { frame, code, reason } = await openClient(url, { start, ...options }).end()
  return { code, reason, retryable: frame['retryable'], message: frame['message'] }
}

test('the backend is sent a signed request with what the client sent, and lets the user in with a profile', async () => {
  const { url, received } = await run(
    answer(200, { ok: true, user: { name: 'Ada' }, expiresIn: 60, more: 'is ignored' }),
  )
  const client = openClient(url, { start, origin: 'https://shop.example', headers: { cookie: 'sid=1' } })
  const started = await client.next('started')
  assert.deepEqual(started['user'], { id: 'ada', name: 'Ada' })
  assert.ok((started['expiresIn'] as number) <= 60_000 && (started['expiresIn'] as number) > 50_000)
  assert.equal(typeof started['token'], 'string')
  client.close()
  const [{ body, headers } = assert.fail()] = received
  assert.deepEqual(body, {
    appId: 'app',
    userId: 'ada',
    authParams: { pass: 'p4ss' },
    origin: 'https://shop.example',
    address: '127.0.0.1',
  })
  assert.equal(headers.cookie, undefined)
  assert.equal(received.length, 1)
})

test('a client without an origin is null to the backend, and null in its answer is no value', async () => {
  const { url, received } = await run(answer(200, { ok: true, user: null, expiresIn: null }))
  const client = await startClient(url, start)
  assert.deepEqual(client.started['user'], { id: 'ada' })
  client.close()
  assert.equal(received[0]?.body['origin'], null)
})

test('an `expiresIn` with many digits ends the credentials at a whole millisecond', async () => {
  const { url, gateway } = await run(answer(200, { ok: true, expiresIn: 59.123456789 }))
  const client = await startClient(url, start)
  const expiresIn = client.started['expiresIn'] as number
  assert.ok(Number.isInteger(expiresIn) && expiresIn > 50_000, `${expiresIn}`)
  const { sessions } = await gateway.client('app').listUserSessions({ user: 'ada' })
  assert.ok(Number.isInteger(sessions[0]?.expiresAt), `${sessions[0]?.expiresAt}`)
})

const refusals: [what: string, respond: Respond][] = [
  ['204', answer(204)],
  ['ok: false', answer(200, { ok: false })],
  ["ok: 'true'", answer(200, { ok: 'true' })],
  ['an object without ok', answer(200, {})],
  ['201 with ok: true', answer(201, { ok: true })],
  ['401', answer(401)],
  ['404 with ok: true', answer(404, { ok: true })],
  ['another user id', answer(200, { ok: true, userId: 'eve' })],
  ['a user id that no number in JavaScript is', answer(200, '{"ok":true,"userId":9007199254740993}')],
  [
    'a user id with a fraction that JavaScript drops',
    answer(200, '{"ok":true,"userId":5.00000000000000000001}'),
  ],
  ['a user that is no profile', answer(200, { ok: true, user: { name: 5 } })],
  ['a name that is not well-formed Unicode', answer(200, '{"ok":true,"user":{"name":"Ada \\ud800"}}')],
  ['an expiry that is no positive number', answer(200, { ok: true, expiresIn: -1 })],
  ['an expiry that is a Unix time in milliseconds', answer(200, { ok: true, expiresIn: 1_790_000_000_000 })],
  ['an expiry beyond all dates', answer(200, { ok: true, expiresIn: 1e300 })],
  ['a redirect to a page', (response) => response.writeHead(302, { location: '/login' }).end()],
]
for (const [what, respond] of refusals)
  test(`${what} is a no, and the backend is asked once`, async () => {
    const { url, received } = await run(respond)
    const { code, reason } = await endOf(url)
    assert.deepEqual([code, reason], [4101, 'unauthenticated'])
    assert.equal(received.length, 1)
  })

const outages: [what: string, respond: Respond][] = [
  ['429', answer(429, { ok: true })],
  ['500', answer(500)],
  ['503 with ok: true', answer(503, { ok: true })],
  ['200 without a body', answer(200)],
  ['200 with a page', answer(200, '<html>')],
  ['200 with a list', answer(200, [{ ok: true }])],
  ['200 with null', answer(200, 'null')],
  ['200 with a body that is too large', answer(200, { ok: true, more: 'x'.repeat(100_000) })],
  ['200 with deep nesting', answer(200, `{"ok":true,"more":${'['.repeat(20_000)}${']'.repeat(20_000)}}`)],
  ['no answer in time', () => undefined],
  ['half an answer in time', (response) => response.writeHead(200).write('{"ok":')],
  ['a cut connection', (response) => response.destroy()],
]
for (const [what, respond] of outages)
  test(`${what} is unavailable, and the backend is asked once`, async () => {
    const { url, received, lines } = await run(respond, {}, { startTimeout: 1 })
    const { code, reason, retryable, message } = await endOf(url)
    assert.deepEqual([code, reason, retryable], [4503, 'unavailable', true])
    assert.equal(received.length, 1)
    assert.doesNotMatch(`${lines.join()} ${String(message)}`, /s3cret|p4ss|whsec_|127\.0\.0\.1:\d/)
  })

test('a backend that is away is unavailable', async () => {
  const { url, backend, lines } = await run(answer(200, { ok: true }))
  await backend.close()
  assert.equal((await endOf(url)).reason, 'unavailable')
  assert.ok(lines.some((line) => line.includes('ECONNREFUSED')))
})

const forwarding = {
  forwardHeaders: ['cookie', 'X-Tenant'],
  origins: ['https://shop.example'],
}
const page = { origin: 'https://shop.example', headers: { cookie: 'sid=1; lang=de', 'x-other': 'no' } }

test('headers that the config names are passed on, and no others', async () => {
  const { url, received } = await run(answer(200, { ok: true, userId: 'ada' }), forwarding)
  for (const headers of [page.headers, { 'X-Tenant': 'Zürich', cookie: '' }]) {
    const client = openClient(url, { start, ...page, headers: headers })
    await client.next('started')
    client.close()
  }
  const [first, second] = received
  assert.deepEqual([first?.headers.cookie, first?.headers['x-tenant']], ['sid=1; lang=de', undefined])
  assert.equal(first?.headers['x-other'], undefined)
  assert.deepEqual([second?.headers.cookie, second?.headers['x-tenant']], ['', 'Zürich'])
})

for (const [what, body] of [
  ['without', { ok: true }],
  ['with another', { ok: true, userId: 'eve' }],
  ['with a number that is not the', { ok: true, userId: 12345 }],
  ['with a list as', { ok: true, userId: ['ada'] }],
] as const)
  test(`if headers are forwarded, an answer ${what} userId is a no`, async () => {
    const { url } = await run(answer(200, body), forwarding)
    assert.equal((await endOf(url, page)).reason, 'unauthenticated')
  })

test('an answer may have the number that the database gave the user in place of the text', async () => {
  const { url } = await run(answer(200, { ok: true, userId: 12345 }), forwarding)
  const client = openClient(url, { ...page, start: { ...start, userId: '12345' } })
  assert.deepEqual((await client.next('started'))['user'], { id: '12345' })
})

test('after a reload of the config the headers that it names now are passed on', async () => {
  const { url, received, gateway, authenticateUrl } = await run(answer(200, { ok: true, userId: 'ada' }))
  for (const forwardHeaders of [['cookie'], ['x-other']]) {
    const app = testApp({
      authenticateUrl: { ...authenticateUrl, forwardHeaders },
      origins: forwarding.origins,
    })
    await gateway.reload({ listen: { port: 0 }, engine: { type: 'memory' }, apps: { app } })
    const client = openClient(url, { start, ...page })
    await client.next('started')
    client.close()
  }
  assert.deepEqual(
    received.map(({ headers }) => [headers.cookie, headers['x-other']]),
    [
      ['sid=1; lang=de', undefined],
      [undefined, 'no'],
    ],
  )
})

test('a page of another origin is refused before the backend is asked', async () => {
  const { url, received } = await run(answer(200, { ok: true, userId: 'ada' }), forwarding)
  assert.equal((await endOf(url, { ...page, origin: 'https://evil.example' })).reason, 'origin-refused')
  assert.equal(received.length, 0)
})

test('requests that never end free their places, and the starts behind them end as unavailable', async () => {
  let isHanging = true
  const { url, received } = await run(
    (response, more) => (isHanging ? undefined : answer(200, { ok: true })(response, more)),
    {},
    { startTimeout: 5 },
  )
  const clients = Array.from({ length: 150 }, (_, index) =>
    openClient(url, { start: { ...start, userId: `${index}` } }),
  )
  const ends = await Promise.all(clients.map((client) => client.end()))
  assert.ok(ends.every(({ reason }) => reason === 'unavailable'))
  assert.ok(received.length >= 100)
  isHanging = false
  await startClient(url, start)
})
