// Webhooks from a gateway's sessions and messages to an endpoint, over reloads and restarts.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import type { AppConfig, GatewayConfig } from '../../../src/gateway/index.js'
import { startClient, startAs } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'
import { startGateway, testApp } from '../../support/gateway.js'
import { key, secretOf, startEndpoint, type Received } from '../../support/network/webhook-endpoint.js'

const ok = (response: ServerResponse): unknown => response.end()

type Webhooks = NonNullable<AppConfig['webhooks']>

const webhooksOf = ({ url }: { url: string }, changes: Partial<Webhooks> = {}): Webhooks => ({
  url,
  secrets: [secretOf(key)],
  ...changes,
})

const run = (
  endpoint: { url: string },
  changes: Partial<Webhooks> = {},
  config: Partial<GatewayConfig> = {},
) => startGateway({ webhooks: webhooksOf(endpoint, changes) }, config)

const typesOf = (received: readonly Received[], userId: string): string =>
  received
    .filter((one) => one.userId === userId)
    .map(({ type }) => type)
    .join(' ')

const dataOf = (received: readonly Received[], type: string): Record<string, unknown> => {
  const one = received.find((event) => event.type === type) ?? assert.fail(`${type} did not come`)
  return one.body['data'] as Record<string, unknown>
}

test("a user's first session is reported from its start to its end, with the state that each event led to", async () => {
  const endpoint = await startEndpoint(ok)
  const { url } = await run(endpoint)
  const client = await startAs(url, 'ada')
  client.send({ type: 'end' })
  await client.closed
  const all = 'user.created session.started user.online session.ended user.offline'
  await until('all came', () => typesOf(endpoint.received, 'ada'), all)
  const { received } = endpoint
  assert.equal(new Set(received.map(({ id }) => id)).size, 5)
  for (const [index, { id, seq, body }] of received.entries()) {
    assert.equal(body['id'], id)
    assert.ok(index === 0 || seq > (received[index - 1]?.seq ?? seq))
    assert.ok(Math.abs(Number(body['at']) - Date.now()) < 60_000)
    assert.equal(body['appId'], 'app')
  }
  const { sessionId } = client.started
  assert.equal(dataOf(received, 'session.started')['sessionId'], sessionId)
  const ended = dataOf(received, 'session.ended')
  assert.deepEqual([ended['sessionId'], ended['code']], [sessionId, 'ended'])
  const presence = (type: string) => {
    const { online, sessions } = dataOf(received, type)
    return [online, sessions]
  }
  assert.deepEqual(presence('user.online'), [true, 1])
  assert.deepEqual(presence('user.offline'), [false, 0])
})

test('messages that stay unread for `unreadAfter` are reported', async () => {
  const endpoint = await startEndpoint(ok)
  const { gateway } = await run(endpoint, { events: ['message.unread'], unreadAfter: 0.2 })
  const { sentAt } = await gateway.publish({ appId: 'app', to: 'ada', body: 'first' })
  await gateway.publish({ appId: 'app', to: 'ada', body: 'second' })
  await until('it is reported', () => typesOf(endpoint.received, 'ada'), 'message.unread')
  const { unread, oldestAt, messages, online } = dataOf(endpoint.received, 'message.unread')
  assert.deepEqual([unread, oldestAt, online], [2, sentAt, false])
  assert.deepEqual(
    (messages as { body: string }[]).map(({ body }) => body),
    ['first', 'second'],
  )
})

test('an app without webhooks and events that it does not list send nothing', async () => {
  const endpoint = await startEndpoint(ok)
  const { url } = await startGateway(
    {},
    {
      apps: {
        app: testApp({ webhooks: webhooksOf(endpoint, { events: ['user.online'] }) }),
        other: { environment: 'test' },
      },
    },
  )
  for (const appId of ['other', 'app']) {
    const client = await startClient(url, { type: 'start', appId, userId: 'bob', guest: true })
    client.close()
  }
  await until('it came', () => endpoint.received.length, 1)
  assert.deepEqual([endpoint.received[0]?.type, endpoint.received[0]?.body['appId']], ['user.online', 'app'])
})

test('pending events survive a restart of the gateway and are delivered at once after it, in order and with the same ids', async () => {
  const endpoint = await startEndpoint((response) => response.writeHead(500).end())
  const engine = { type: 'embedded', path: scratchFolder() } as const
  const first = await run(endpoint, {}, { engine })
  for (const userId of ['ada', 'bob']) {
    const client = await startAs(first.url, userId)
    client.send({ type: 'end' })
    await client.closed
  }
  await until('both have failed', () => new Set(endpoint.received.map(({ userId }) => userId)).size, 2)
  await first.close()
  const failed = endpoint.received.splice(0)
  endpoint.respond = ok
  await run(endpoint, {}, { engine })
  const all = 'user.created session.started user.online session.ended user.offline'
  for (const userId of ['ada', 'bob']) {
    await until('all came', () => typesOf(endpoint.received, userId), all)
    const [again, before] = [endpoint.received, failed].map((list) =>
      list.find((one) => one.userId === userId),
    )
    assert.deepEqual([again?.id, again?.body], [before?.id, before?.body])
  }
})

test("a reload rotates the secret: the endpoint's old key verifies until it has the new one", async () => {
  const endpoint = await startEndpoint(ok)
  const { gateway, url } = await run(endpoint)
  const fresh = randomBytes(32)
  const reload = (...keys: Buffer[]) =>
    gateway.reload({
      listen: { port: 0 },
      engine: { type: 'memory' },
      apps: { app: testApp({ webhooks: webhooksOf(endpoint, { secrets: keys.map(secretOf) }) }) },
    })
  const report = async (userId: string): Promise<void> => {
    const client = await startAs(url, userId)
    client.close()
    await until(
      'all came',
      () => typesOf(endpoint.received, userId),
      'user.created session.started user.online',
    )
  }
  await report('ada')
  await reload(fresh, key)
  await report('bob')
  endpoint.key = fresh
  await report('cid')
  await reload(fresh)
  await report('dan')
})

test('closing the gateway waits for a delivery that runs', async () => {
  const waiting: ServerResponse[] = []
  const endpoint = await startEndpoint((response) => waiting.push(response))
  const { url, close } = await run(endpoint)
  const client = await startAs(url, 'ada')
  await until('a delivery runs', () => waiting.length, 1)
  let isClosed = false
  const closed = close().then(() => (isClosed = true))
  await client.closed
  assert.equal(isClosed, false)
  waiting[0]?.end()
  await closed
  assert.equal(endpoint.received.length, 1)
})
