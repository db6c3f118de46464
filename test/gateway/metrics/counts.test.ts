import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine, EngineError } from '../../../src/engine/index.js'
import type { AppConfig, GatewayConfig } from '../../../src/gateway/index.js'
import { createSignature } from '../../../src/tokens/index.js'
import { codesOf, postAs } from '../../support/clients/posted-sends.js'
import { startServer } from '../../support/network/http-server.js'
import { openClient, startClient, within, startAs } from '../../support/raw-client.js'
import { restOf } from '../../support/rest/rest-calls.js'
import { until } from '../../support/until.js'
import { startGateway, testApp, type GatewayParts } from '../../support/gateway.js'
import { signatureSecret } from '../../support/tokens.js'
import { guestStart, startWithParams, resumeOf } from '../../support/starts.js'

const token = 'the admin token of a test, 32 bytes'

/** Starts a gateway. `value` returns a series of the scraped metrics, 0 if there is none. */
const run = async (
  app: Partial<AppConfig> = {},
  config: Partial<GatewayConfig> = {},
  parts: GatewayParts = {},
) => {
  const gateway = await startGateway(app, { admin: { port: 0, token }, ...config }, parts)
  const admin = await gateway.gateway.listenAdmin()
  const scrape = async (): Promise<string> =>
    (await fetch(`${admin}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text()
  const value = async (series: string): Promise<number> => {
    const line = (await scrape()).split('\n').find((each) => each.startsWith(`chat_session_${series} `))
    return Number(line?.split(' ').at(-1) ?? 0)
  }
  const reaches = (series: string, expected: number): Promise<unknown> =>
    until(series, () => value(series), expected)
  return { ...gateway, scrape, value, reaches }
}

test('starts are counted by credentials and result, with their seconds; sessions, connections and clients by their state', async () => {
  const { url, value, scrape, close } = await run()
  const ada = await startAs(url, 'ada', { client: 'chat-session/9.9.9' })
  await startClient(url, guestStart)
  const signature = await createSignature('bob', signatureSecret)
  await startClient(url, { type: 'start', appId: 'app', userId: 'bob', signature })
  const refused = openClient(url)
  await refused.opened
  refused.send({ type: 'start', appId: 'app', token: 'no.token.at-all' })
  await refused.end()
  const unknown = openClient(url)
  await unknown.opened
  unknown.send({ type: 'start', appId: 'a-token-in-the-wrong-field', guest: true })
  await unknown.end()
  const idle = openClient(url)
  await idle.opened
  for (const [series, expected] of [
    ['starts_total{app="app",way="token",result="started"}', 1],
    ['starts_total{app="app",way="guest",result="started"}', 1],
    ['starts_total{app="app",way="signature",result="started"}', 1],
    ['starts_total{app="app",way="token",result="unauthenticated"}', 1],
    ['starts_total{app="",way="guest",result="unknown-app"}', 1],
    ['start_seconds_count{way="token"}', 1],
    ['token_checks_total{app="app",result="ok"}', 1],
    ['token_checks_total{app="app",result="unauthenticated"}', 1],
    ['ends_total{app="app",code="unauthenticated"}', 1],
    ['sessions{app="app",state="active"}', 3],
    ['sessions{app="app",state="detached"}', 0],
    ['connections{state="live",transport="websocket"}', 3],
    ['connections{state="opening",transport="websocket"}', 1],
    ['clients{version="chat-session/9.9.9"}', 1],
    ['clients{version="unknown"}', 2],
    ['users{app="app"}', 3],
    ['guests{app="app"}', 1],
    ['quota{app="app",quota="guests"}', 100_000],
  ] as const)
    assert.equal(await value(series), expected, series)
  assert.doesNotMatch(await scrape(), /wrong-field/)
  ada.send({ type: 'end' })
  await ada.end()
  assert.equal(await value('ends_total{app="app",code="ended"}'), 1)
  await close()
})

test('messages are counted by sender and outcome, with the seconds until they were durable and delivered', async () => {
  const { gateway, url, value, reaches } = await run()
  const ada = await startAs(url, 'ada')
  const bob = await startAs(url, 'bob')
  const send = async (id: string, body: string): Promise<void> => {
    ada.send({ type: 'send', id, to: 'bob', body })
    await ada.next(body === 'other' ? 'refused' : 'sent')
  }
  await send('1', 'one')
  await send('1', 'one')
  await send('1', 'other')
  await bob.next('message')
  await gateway.publish({ appId: 'app', to: 'bob', body: 'two' })
  await bob.next('message')
  assert.equal(await value('messages_total{app="app",from="client",outcome="stored"}'), 1)
  assert.equal(await value('messages_total{app="app",from="client",outcome="repeated"}'), 1)
  assert.equal(await value('messages_total{app="app",from="client",outcome="conflict"}'), 1)
  assert.equal(await value('messages_total{app="app",from="backend",outcome="stored"}'), 1)
  assert.equal(await value('refusals_total{app="app",frame="send",code="conflict"}'), 1)
  assert.equal(await value('commit_seconds_count'), 2)
  await reaches('delivery_seconds_count', 3)
  assert.equal(await value('inboxes{app="app"}'), 2)
  assert.ok((await value('inbox_bytes{app="app"}')) > 0)
})

test('resumes are counted by their result and by what the client had missed, and replayed messages too', async () => {
  const { gateway, url, value, reaches } = await run()
  const first = await startAs(url, 'ada')
  first.send({ type: 'pong' })
  first.socket.terminate()
  await reaches('sessions{app="app",state="detached"}', 1)
  assert.equal(await value('ends_total{app="app",code="lost"}'), 1)
  await gateway.publish({ appId: 'app', to: 'ada', body: 'one' })
  await gateway.publish({ appId: 'app', to: 'ada', body: 'two' })
  const { resume } = resumeOf(first.started)
  const second = await startAs(url, 'ada', { resume })
  await second.next('message')
  await second.next('message')
  assert.equal(await value('resumes_total{app="app",result="resumed",missed="messages"}'), 1)
  assert.equal(await value('replayed_messages_total{app="app"}'), 2)
  await startAs(url, 'ada', { resume: { ...resume, key: 'stale', offset: Number(resume.offset) + 2 } })
  assert.equal(await value('resumes_total{app="app",result="new",missed="none"}'), 1)
})

test('a part of the profile that a start leaves out is counted as a refusal', async () => {
  const { url, value } = await run()
  const ada = await startAs(url, 'ada', { user: { photoUrl: '/photo.png' } })
  await ada.next('refused')
  assert.equal(await value('refusals_total{app="app",frame="start",code="bad-request"}'), 1)
})

test('pings and limits that are reached are counted', async () => {
  const { url, value } = await run(
    { limits: { messagesPerSecond: 1, requestsPerSecond: 3 } },
    { pingInterval: 0.5 },
  )
  const ada = await startAs(url, 'ada')
  await until('a ping is counted', async () => (await value('ping_seconds_count')) > 0)
  for (const id of ['1', '2']) ada.send({ type: 'send', id, to: 'ada', body: 'x' })
  await ada.next('refused')
  assert.equal(await value('limits_reached_total{app="app",limit="messagesPerSecond"}'), 1)
  assert.equal(await value('refusals_total{app="app",frame="send",code="rate-limited"}'), 1)
})

test('REST calls are counted by app, call and status, with their seconds', async () => {
  const { url, value } = await run()
  await restOf(url)('PUT', '/users/ada', { name: 'Ada' })
  await restOf(url)('GET', '/users/nobody')
  await restOf(url, { key: 'another secret of a test, which is wrong' })('GET', '/users/ada')
  assert.equal(await value('rest_calls_total{app="app",call="putUser",status="201"}'), 1)
  assert.equal(await value('rest_calls_total{app="app",call="getUser",status="404"}'), 1)
  assert.equal(await value('rest_calls_total{app="",call="getUser",status="401"}'), 1)
  assert.equal(await value('rest_seconds_count{call="getUser"}'), 2)
})

test('errors of the engine are counted if they fail a REST call, a recipient, a call of this process, a post or a live session', async () => {
  const engine = createMemoryEngine()
  const { gateway, url, value } = await run({}, {}, { engine })
  const count = (): Promise<number> => value('engine_errors_total{code="unwritable"}')
  const fail = (): Promise<never> =>
    Promise.reject(new EngineError('unwritable', 'The test fails this call.'))
  const ada = await startAs(url, 'ada')
  engine.send = fail
  await restOf(url)('POST', '/users/ada/messages', { body: 'x' })
  assert.equal(await count(), 1)
  await restOf(url)('POST', '/messages', { to: ['ada', 'bob'], body: 'x' })
  assert.equal(await count(), 3)
  await assert.rejects(gateway.publish({ appId: 'app', to: 'ada', body: 'x' }))
  assert.equal(await count(), 4)
  const sends = [{ id: '1', to: 'ada', body: 'x' }]
  assert.deepEqual(codesOf(await postAs(url, 'ada', sends)), ['unavailable'])
  assert.equal(await count(), 5)
  engine.admitUser = fail
  assert.equal((await postAs(url, 'ada', sends)).status, 503)
  assert.equal(await count(), 6)
  engine.setHidden = fail
  ada.send({ type: 'visibility', hidden: true })
  await until('the failure is counted', async () => (await count()) > 6)
  ada.send({ type: 'peers', id: 'the session goes on' })
  await ada.next('peers')
})

test('a scrape ends while the engine fails its check and answers nothing else', async () => {
  const engine = createMemoryEngine()
  const webhooks = { url: 'http://127.0.0.1:9/', secrets: [`whsec_${Buffer.alloc(24).toString('base64')}`] }
  const { value } = await run({ webhooks }, {}, { engine })
  assert.equal(await value('webhooks_pending{app="app"}'), 0)
  const never = (): Promise<never> => new Promise(() => undefined)
  const check = (): Promise<never> =>
    Promise.reject(new EngineError('unavailable', 'The test fails this call.'))
  Object.assign(engine, { check, usage: never, pendingSummary: never })
  await within(
    until('the gateway is not ready', () => value('ready'), 0),
    'the end of a scrape',
  )
})

test('reloads of the config are counted by their result, even if it could not be read', async () => {
  const config = { apps: { app: testApp() }, listen: { port: 0 }, engine: { type: 'memory' } } as const
  const { gateway, value } = await run()
  await assert.rejects(gateway.reload({ apps: {} }), { code: 'bad-config' })
  await assert.rejects(
    gateway.reload(() => Promise.reject(new Error('the file is not JSON'))),
    { message: 'the file is not JSON' },
  )
  assert.equal(await value('config_reloads_total{result="failed"}'), 2)
  await gateway.reload(() => Promise.resolve(config))
  assert.equal(await value('config_reloads_total{result="applied"}'), 1)
})

test('each series whose first count fires an alert is 0 before, because Prometheus sees no increase in a first sample', async () => {
  const webhooks = {
    url: 'http://127.0.0.1:9/',
    secrets: [`whsec_${Buffer.alloc(24).toString('base64')}`],
    events: ['user.online' as const],
  }
  const push = { subject: 'mailto:ops@example.com', url: 'https://www.example.com/' }
  const { gateway, scrape } = await run({ webhooks })
  const series = [
    'config_reloads_total{result="failed"}',
    'limits_reached_total{app="",limit="logins"}',
    'engine_errors_total{code="unwritable"}',
    'webhook_deliveries_total{app="app",result="failed"}',
    'webhooks_dropped_total{app="app",type="user.online"}',
  ]
  const zero = (name: string): string => `\nchat_session_${name} 0\n`
  const before = await scrape()
  for (const name of series) assert.ok(before.includes(zero(name)), name)
  const later = 'pushes_total{app="later",result="given-up"}'
  assert.ok(!before.includes(later))
  await gateway.reload({
    apps: {
      app: testApp({ webhooks }),
      later: testApp({ push, secrets: ['a secret of the later app, of 32 bytes'], signatureSecrets: [] }),
    },
    listen: { port: 0 },
    engine: { type: 'memory' },
  })
  assert.ok((await scrape()).includes(zero(later)))
})

test('requests to an app are counted by purpose, and those that fail by error', async () => {
  const backend = await startServer((_, response) => response.writeHead(500).end())
  const secret = (text: string): string => `whsec_${Buffer.from(text).toString('base64')}`
  const { url, value } = await run({
    authenticateUrl: { url: 'http://127.0.0.1:9/', secrets: [secret('one')] },
    authorizeSendUrl: { url: backend.url, secrets: [secret('two')] },
  })
  await openClient(url, { start: startWithParams('ada') }).end()
  assert.equal(await value('starts_total{app="app",way="authParams",result="unavailable"}'), 1)
  assert.deepEqual(codesOf(await postAs(url, 'ada', [{ id: '1', to: 'ada', body: 'x' }])), ['unavailable'])
  for (const [purpose, error] of [
    ['authenticate', 'unreachable'],
    ['authorizeSend', 'status'],
  ] as const) {
    const labels = `app="app",purpose="${purpose}"`
    assert.equal(await value(`outbound_request_seconds_count{${labels}}`), 1)
    assert.equal(await value(`outbound_request_errors_total{${labels},error="${error}"}`), 1)
    assert.equal(await value(`outbound_requests_in_flight{${labels}}`), 0)
  }
})
