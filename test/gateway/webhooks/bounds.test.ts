// More webhooks than a gateway keeps, while their endpoint does not answer.
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import type { PendingEventList } from '../../../src/protocol/internal.js'
import { engineOptionsOf } from '../../../src/gateway/apps/engine-rules.js'
import { parseConfig } from '../../../src/gateway/config/parse.js'
import { startGateway } from '../../support/gateway.js'
import { until } from '../../support/until.js'
import { key, secretOf, startEndpoint, type Received } from '../../support/network/webhook-endpoint.js'

const token = 'the admin token of a test, 32 bytes'
const users = Array.from({ length: 13 }, (_, n) => `user ${n}`)

const droppedIn = ({ body }: Received): number => {
  const { dropped = {} } = body['data'] as { dropped?: Record<string, number> }
  return dropped['message.created'] ?? 0
}

test('events beyond the bounds of a user and of the app are dropped, counted and reported', async () => {
  const held: ServerResponse[] = []
  const endpoint = await startEndpoint((response) => held.push(response))
  const webhooks = { url: endpoint.url, secrets: [secretOf(key)], events: ['message.created' as const] }
  const { gateway } = await startGateway(
    { webhooks, limits: { bytes: 10 * 2 ** 20 } },
    { admin: { port: 0, token } },
  )
  const admin = await gateway.listenAdmin()
  const headers = { authorization: `Bearer ${token}` }
  const call = (method: string, path: string) => fetch(`${admin}${path}`, { method, headers })

  for (let n = 0; n < 6; n++)
    for (const to of users) await gateway.publish({ appId: 'app', to, body: 'x'.repeat(15_000) })
  for (let n = 0; n < 4; n++) await gateway.publish({ appId: 'app', to: 'user 0', body: 'x'.repeat(15_000) })
  const metrics = await (await call('GET', '/metrics')).text()
  const counted = /^chat_session_webhooks_dropped_total\{app="app",type="message.created"\} (\d+)$/m.exec(
    metrics,
  )
  const lost = Number(counted?.[1])

  // The endpoint works again, but does not want the first event of the app itself.
  let refused: Received | undefined
  const respond = (response: ServerResponse, received: Received): unknown => {
    if (received.userId !== null || (refused && refused.id !== received.id)) return response.end()
    refused = received
    return response.writeHead(410).end()
  }
  endpoint.respond = respond
  for (const [n, response] of held.entries()) respond(response, endpoint.received[n] ?? assert.fail())
  const received = (type: string) => endpoint.received.filter((one) => one.type === type)
  const all = 6 * users.length + 4
  await until('all came', () => received('message.created').length, all - lost)
  await until(
    'the reports came',
    () => received('events.dropped').reduce((sum, one) => sum + droppedIn(one), 0),
    lost,
  )
  const ofUser = received('events.dropped').filter(({ userId }) => userId === 'user 0')
  assert.deepEqual(
    ofUser.map(({ body }) => body['data']),
    [{ dropped: { 'message.created': 4 }, online: false, sessions: 0 }],
  )
  const ofApp = received('events.dropped').filter(({ userId }) => userId === null)
  assert.ok(ofApp.length > 0)
  for (const { body } of ofApp) assert.deepEqual(Object.keys(body['data'] as object), ['dropped'])

  const listed = async () =>
    ((await (await call('GET', '/api/apps/app/webhooks/pending')).json()) as PendingEventList).events
  const id = refused?.id ?? assert.fail()
  await until('it is given up', async () => (await listed()).map(({ state }) => state).join(), 'failed')
  assert.deepEqual(
    (await listed()).map((one) => [one.id, one.userId]),
    [[id, null]],
  )
  endpoint.respond = (response) => response.end()
  const replay = `/api/apps/app/webhooks/${encodeURIComponent(id)}/replay`
  assert.equal((await call('POST', replay)).status, 204)
  await until('it is delivered', async () => (await listed()).length, 0)
  assert.equal((await call('POST', replay)).status, 404)
})

test('the bounds follow limits.bytes, and one user can have a hundredth of them at most', () => {
  const limitsFor = (bytes?: number) => {
    const url = 'https://backend.example/hook'
    const webhooks = { url, secrets: [secretOf(key)] }
    const app = { environment: 'test', webhooks, limits: bytes === undefined ? {} : { bytes } }
    const parsed = parseConfig({ apps: { app } }, {})
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.join('\n'))
    return engineOptionsOf(parsed.config.apps.get('app') ?? assert.fail()).webhooks?.limits
  }
  const events = { user: 10_000, app: 1_000_000 }
  const limits = (user: number, app: number) => ({
    user: { events: events.user, bytes: user },
    app: { events: events.app, bytes: app },
  })
  assert.deepEqual(limitsFor(), limits(4 * 2 ** 20, 2 ** 30))
  assert.deepEqual(limitsFor(2 ** 28), limits(2_684_354, 26_843_545))
  // An endpoint may be slow for a moment in the smallest app, too.
  assert.deepEqual(limitsFor(1), limits(104_857, 2 ** 20))
})
