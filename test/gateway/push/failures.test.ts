// What becomes of a push that a push service does not take.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine } from '../../../src/engine/index.js'
import type { WebhooksConfig } from '../../../src/gateway/index.js'
import { createPushRequests } from '../../../src/gateway/push/push-request.js'
import { retryAfterOf } from '../../../src/gateway/push/send-push.js'
import { field } from '../../support/rest/rest-calls.js'
import { AFTER, pushOf } from '../../support/push/push-network.js'
import { startPushService } from '../../support/push/push-service.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'
import { key, secretOf, startEndpoint } from '../../support/network/webhook-endpoint.js'
import { leave, startPushGateway, startWithPhone, type PushGateway } from './setup.js'
import { settled } from '../../support/raw-client.js'
import { testApp } from '../../support/gateway.js'

interface Reporting extends PushGateway {
  webhooks: WebhooksConfig
  reports: () => unknown[]
}

const startReporting = async (): Promise<Reporting> => {
  const endpoint = await startEndpoint((response) => response.end())
  const webhooks = { url: endpoint.url, secrets: [secretOf(key)], events: ['push.failed' as const] }
  const gateway = await startWithPhone({}, { app: { webhooks } })
  return { ...gateway, webhooks, reports: () => endpoint.received.map(({ body }) => body['data']) }
}

const devicesOf = async ({ rest }: PushGateway, userId: string): Promise<unknown> =>
  (field(await rest('GET', `/users/${userId}/push`), 'subscriptions') as unknown[]).length

for (const [status, isGone] of [
  [307, false],
  [400, false],
  [403, false],
  [404, true],
  [410, true],
  [413, false],
] as const)
  test(`a push that is answered with ${status} is given up, and the device ${isGone ? 'ends' : 'gets the next one'}`, async () => {
    const gateway = await startReporting()
    const { service, send, reports } = gateway
    const { endpoint: location } = service.subscribe('elsewhere')
    service.respond = (response) =>
      response.writeHead(service.received.length > 1 ? 201 : status, { location }).end()
    await send('bob', 'ada', 'refused')
    await until('the backend was told', () => reports().length, 1)
    const [report] = reports() as [Record<string, unknown>]
    assert.deepEqual([report['host'], report['status']], ['push.test', status])
    await until('the device is gone or not', () => devicesOf(gateway, 'ada'), isGone ? 0 : 1)
    if (!isGone) {
      await send('bob', 'ada', 'taken')
      await until('the next one came', () => service.received.length, 2)
    }
    assert.deepEqual(service.bodies('phone'), isGone ? ['refused'] : ['refused', 'taken'])
  })

test('a push that is answered with 500 is tried again, and what was read meanwhile is not pushed', async () => {
  const { service, send, connect } = await startWithPhone()
  service.respond = (response) => response.writeHead(service.received.length > 1 ? 201 : 500).end()
  await send('bob', 'ada', 'again')
  await until('it came again', () => service.received.length, 2)
  assert.deepEqual(service.bodies('phone'), ['again', 'again'])

  service.respond = (response) => response.writeHead(500).end()
  await send('bob', 'ada', 'read meanwhile')
  await until('it failed', () => service.received.length, 3)
  const page = await connect('ada', { hidden: true })
  page.send({ type: 'read', epoch: page.started['epoch'], offset: 2 })
  await page.next('unread')
  service.respond = (response) => response.writeHead(201).end()
  await send('carl', 'ada', 'unread')
  await until('the other came', () => service.bodies('phone').at(-1), 'unread')
  assert.deepEqual(service.bodies('phone').slice(3), ['unread'])
})

test('a push is tried again when `Retry-After` says so, and not with the next message', async () => {
  const { service, send } = await startWithPhone()
  const at: number[] = []
  service.respond = (response) => {
    at.push(performance.now())
    response.writeHead(at.length > 1 ? 201 : 429, { 'retry-after': '2' }).end()
  }
  await send('bob', 'ada', 'first')
  await until('it failed', () => at.length, 1)
  await send('bob', 'ada', 'second')
  await until('it came again', () => at.length, 2)
  assert.ok((at[1] ?? 0) - (at[0] ?? 0) >= 1_990)
  assert.deepEqual(service.bodies('phone'), ['first', 'second'])
})

test('`Retry-After` is read as seconds and as a date, within bounds', () => {
  const now = Date.UTC(2026, 0, 1)
  assert.equal(retryAfterOf('120', now), 120_000)
  assert.equal(retryAfterOf('Thu, 01 Jan 2026 00:00:30 GMT', now), 30_000)
  assert.equal(retryAfterOf('Wed, 31 Dec 2025 00:00:30 GMT', now), 1_000)
  assert.equal(retryAfterOf('0', now), 1_000)
  assert.equal(retryAfterOf('99999999999', now), 86_400_000)
  for (const header of [undefined, '', 'soon']) assert.equal(retryAfterOf(header, now), undefined)
})

test('a host whose name leads to a private address is sent nothing', async () => {
  const { service, send, reports } = await startReporting()
  service.address.ip = '::ffff:127.0.0.1'
  await send('bob', 'ada', 'Hello')
  await until('the backend was told', () => reports().length, 1)
  const [report] = reports() as [Record<string, unknown>]
  assert.deepEqual([report['status'], report['error']], [null, 'private-address'])
  assert.equal(service.received.length, 0)
})

test('a device that subscribed with a former key of the app ends without a request, and the backend is told', async () => {
  const gateway = await startReporting()
  const { service, subscribe, send, connect, reports } = gateway
  const page = await connect('ada', { hidden: true })
  const privateKey = Buffer.alloc(32, 7).toString('base64url')
  await gateway.gateway.reload({
    engine: { type: 'memory' },
    apps: { app: testApp({ push: pushOf({ privateKey }), webhooks: gateway.webhooks }) },
  })
  // This page was told the former key.
  page.send({ type: 'push', subscription: service.subscribe('stale') })
  await settled(page)
  await leave(page)
  await subscribe('ada', service.subscribe('current'))
  await send('bob', 'ada', 'Hello')
  await until('the backend was told', () => reports().length, 2)
  for (const report of reports() as Record<string, unknown>[])
    assert.deepEqual([report['host'], report['status'], report['error']], ['push.test', null, 'former-key'])
  await until('the device with the present key gets it', () => service.received.length, 1)
  assert.deepEqual(service.bodies('current'), ['Hello'])
  assert.equal(await devicesOf(gateway, 'ada'), 1)
})

test('a host that a reload took off the list is sent nothing', async () => {
  const { gateway, service, send, connect, lines } = await startWithPhone()
  await gateway.reload({
    engine: { type: 'memory' },
    apps: { app: testApp({ push: pushOf({ hosts: ['other.test'] }) }) },
  })
  await send('bob', 'ada', 'Hello')
  await until('it was given up', () => lines.some((line) => line.includes('host-not-allowed')))
  assert.equal(service.received.length, 0)
  const page = await connect('ada')
  page.send({ type: 'push', subscription: service.subscribe('phone') })
  assert.equal((await page.next('refused'))['code'], 'refused')
})

test('an app whose `push` a reload removed pushes nothing any more', async () => {
  const engine = createMemoryEngine()
  const { endPushes } = engine
  let ended = 0
  engine.endPushes = async (...args) => {
    await endPushes.apply(engine, args)
    ended += 1
  }
  const { gateway, service, send, connect } = await startWithPhone(
    { after: 5 * AFTER },
    { parts: { engine } },
  )
  await send('bob', 'ada', 'Hello')
  await gateway.reload({ engine: { type: 'memory' }, apps: { app: testApp() } })
  const page = await connect('ada', { hidden: true })
  assert.ok(!('pushKey' in page.started))
  await until('the gateway was told of the message', () => ended, 1)
  assert.deepEqual(service.received, [])
  await gateway.reload({ engine: { type: 'memory' }, apps: { app: testApp({ push: pushOf() }) } })
  await send('bob', 'ada', 'On again')
  await until('it came', () => service.received.length, 1)
  assert.deepEqual(service.bodies('phone'), ['On again'])
})

test('a device whose credential was revoked gets nothing', async () => {
  const gateway = await startWithPhone({ after: 5 * AFTER })
  const { service, subscribe, send, rest } = gateway
  await subscribe('bea', service.subscribe('tablet'))
  await send('bob', 'ada', 'Hello')
  await rest('DELETE', '/users/ada/sessions')
  await send('bob', 'bea', 'Hello')
  await until('the other user got it', () => service.received.length, 1)
  assert.deepEqual(service.bodies('phone'), [])
  assert.equal(await devicesOf(gateway, 'ada'), 0)
})

test('a message that comes while another one is being pushed is pushed after it', async () => {
  const { service, subscribe, send } = await startWithPhone()
  let answer: (() => unknown) | undefined
  service.respond = (response, { device }) => {
    const taken = () => response.writeHead(201).end()
    if (device === 'phone') answer = taken
    else taken()
  }
  await send('bob', 'ada', 'first')
  await until('it came', () => service.received.length, 1)
  await send('carl', 'ada', 'second')
  await subscribe('bea', service.subscribe('tablet'))
  await send('bob', 'bea', 'other')
  // The engine has told of both users' later messages by now.
  await until('that of the other user came', () => service.bodies('tablet').length, 1)
  assert.deepEqual(service.bodies('phone'), ['first'])
  service.respond = (response) => response.writeHead(201).end()
  answer?.()
  await until('the second came', () => service.bodies('phone').length, 2)
  assert.deepEqual(service.bodies('phone'), ['first', 'second'])
})

test('a push service that does not answer is asked again', async () => {
  const service = await startPushService()
  const pushNetwork = { ...service.network, timeout: 200 }
  const { send } = await startWithPhone({}, { parts: { pushNetwork }, service })
  service.respond = () => (service.respond = (response) => response.writeHead(201).end())
  await send('bob', 'ada', 'Hello')
  await until('it came again', () => service.received.length, 2)
  assert.deepEqual(service.bodies('phone'), ['Hello', 'Hello'])
})

test('a push service is not taken for silent while it is asked nothing', async () => {
  const { network } = await startPushService()
  let isLost = true
  const requests = createPushRequests({
    ...network,
    timeout: 5_000,
    lookup: (host, options, done) =>
      isLost ? done(new Error('No such host.'), []) : network.lookup(host, options, done),
  })
  const post = () => requests.post(new URL('https://push.test/send/nobody'), {}, Buffer.from(''))
  await assert.rejects(post(), { code: 'unreachable' })
  isLost = false
  const at = performance.now()
  await until('a service that is asked would count as silent', () => performance.now() - at > 1_200)
  const answers = await Promise.all(Array.from({ length: 20 }, post))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([400]))
  requests.close()
})

for (const isWildcard of [false, true])
  test(`a push service that answers nothing${isWildcard ? ', or many whose names users made up,' : ''} holds up no other`, async () => {
    const hosts = ['push.test', isWildcard ? '*.push.test' : 'slow.push.test']
    const service = await startPushService()
    // No request to a silent service makes room for others by its time-out.
    const pushNetwork = { ...service.network, timeout: 600_000 }
    const gateway = await startWithPhone({ hosts }, { parts: { pushNetwork }, service })
    const { send, connect } = gateway
    service.respond = (response, { device }) => device === 'phone' && response.writeHead(201).end()
    const users = Array.from({ length: 30 }, (_, n) => `eve${n}`)
    for (const user of users) {
      const page = await connect(user)
      for (let n = 0; n < 10; n++) {
        const host = isWildcard ? `${user}-${n}.push.test` : 'slow.push.test'
        page.send({ type: 'push', subscription: service.subscribe(`${user}x${n}`, host) })
      }
      await settled(page)
      await leave(page)
    }
    await Promise.all(users.map((user) => send('bob', user, 'Hello')))
    await until('many wait for an answer', () => service.received.length > (isWildcard ? 15 : 100))
    await send('bob', 'ada', 'Hello')
    await until('it came', () => service.bodies('phone').length, 1)
  })

test('a push service that closes the connection, or switches to another protocol, is asked again', async () => {
  for (const answer of [
    '',
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n',
  ]) {
    const { service, send } = await startWithPhone()
    service.respond = (response) => {
      service.respond = (next) => next.writeHead(201).end()
      response.socket?.end(answer)
    }
    await send('bob', 'ada', 'Hello')
    await until('it came again', () => service.received.length, 2)
  }
})

test('a gateway that closes cuts off a push that is not answered, and the next gateway sends it', async () => {
  const config = { engine: { type: 'embedded' as const, path: scratchFolder() }, drainTime: 0.5 }
  const first = await startWithPhone({}, { config })
  const { service } = first
  service.respond = () => undefined
  await first.send('bob', 'ada', 'Hello')
  await until('it came', () => service.received.length, 1)
  await first.close()
  service.respond = (response) => response.writeHead(201).end()
  await startPushGateway({}, { config, service })
  await until('it came again', () => service.received.length, 2)
  assert.deepEqual(service.faults, [])
})

test('a push that is cut off is not due before the gateway has closed, which would take it again', async () => {
  const engine = createMemoryEngine()
  const due: (number | null)[] = []
  const { endPushes } = engine
  engine.endPushes = (...call) => {
    due.push(call[3])
    return endPushes(...call)
  }
  const { gateway, service, send } = await startWithPhone(
    {},
    { config: { drainTime: 0.5 }, parts: { engine } },
  )
  service.respond = () => undefined
  await send('bob', 'ada', 'Hello')
  await until('it came', () => service.received.length, 1)
  due.length = 0
  await gateway.close()
  assert.deepEqual(due, [1_000])
})

test('if a gateway that closes cuts off the push to one device, the next gateway does not push to the other devices again', async () => {
  const config = { engine: { type: 'embedded' as const, path: scratchFolder() }, drainTime: 0.5 }
  const first = await startWithPhone({}, { config })
  const { service } = first
  await first.subscribe('ada', service.subscribe('tablet'))
  service.respond = (response, { device }) => device === 'phone' && response.writeHead(201).end()
  await first.send('bob', 'ada', 'Hello')
  await until('it came to both', () => service.received.length, 2)
  await first.close()
  service.respond = (response) => response.writeHead(201).end()
  const { rest } = await startPushGateway({}, { config, service })
  const isTaken = async (): Promise<boolean> =>
    (
      field(await rest('GET', '/users/ada/push'), 'subscriptions') as { lastSuccessAt: number | null }[]
    ).every(({ lastSuccessAt }) => lastSuccessAt !== null)
  await until('both devices have it', isTaken)
  assert.deepEqual(
    ['phone', 'tablet'].map((device) => service.bodies(device).length),
    [1, 2],
  )
})
