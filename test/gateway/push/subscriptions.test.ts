// The frame `push`, and the calls of the REST API about devices.
import assert from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { createMemoryEngine, EngineError, type Engine } from '../../../src/engine/index.js'
import { field, statusAndCode } from '../../support/rest/rest-calls.js'
import { startGateway } from '../../support/gateway.js'
import { settled, startClient, startAs } from '../../support/raw-client.js'
import { tokenFor } from '../../support/tokens.js'
import { pushOf } from '../../support/push/push-network.js'
import { until } from '../../support/until.js'
import { leave, startPushGateway } from './setup.js'

const isRefused = (frames: readonly { type: string }[]): boolean =>
  frames.some(({ type }) => type === 'refused')

const ada = { appId: 'app', userId: 'ada' }
const untilDeviceStandsOn = (engine: Engine, token: string): Promise<void> =>
  until('the device of ada stands on the token', async () => {
    const [device] = await engine.pushDevices(ada)
    return device?.credential.tokenId === decodeJwt(token).jti
  })

test('`started` says the key to subscribe with, which is the same for each session and another for each app', async () => {
  const { url } = await startGateway(
    {},
    {
      apps: Object.fromEntries(
        ['one', 'two'].map((id) => [id, { environment: 'test' as const, guests: true, push: pushOf() }]),
      ),
    },
  )
  const keys = await Promise.all(
    ['one', 'one', 'two'].map(async (appId) => {
      const { started } = await startClient(url, { type: 'start', appId, guest: true })
      assert.ok((started['can'] as string[]).includes('push'))
      return started['pushKey'] as string
    }),
  )
  assert.equal(Buffer.from(keys[0] ?? '', 'base64url').length, 65)
  assert.equal(keys[0], keys[1])
  assert.notEqual(keys[0], keys[2])
})

test('the private key of the config wins over the derived one', async () => {
  const pair = createECDH('prime256v1')
  const publicKey = pair.generateKeys('base64url')
  const { connect, subscribe, send, service } = await startPushGateway({
    // Node leaves out leading zeros.
    privateKey: Buffer.from(pair.getPrivateKey('hex').padStart(64, '0'), 'hex').toString('base64url'),
  })
  assert.equal((await connect('ada', { hidden: true })).started['pushKey'], publicKey)
  await subscribe('ada', service.subscribe('phone'))
  await send('bob', 'ada', 'Hello')
  await until('it came', () => service.received[0]?.vapidKey, publicKey)
})

test('an app without `push` refuses subscriptions, and its clients are told of no key', async () => {
  const { url } = await startGateway()
  const client = await startAs(url, 'ada')
  assert.ok(!('pushKey' in client.started) && !(client.started['can'] as string[]).includes('push'))
  const keys = { p256dh: '', auth: '' }
  client.send({ type: 'push', subscription: { endpoint: 'https://push.test/1', expirationTime: null, keys } })
  const { re, code } = await client.next('refused')
  assert.deepEqual([re, code], ['push', 'refused'])
})

test('a subscription with a bad endpoint or bad keys is refused, and the session goes on', async () => {
  const { service, connect, rest } = await startPushGateway({ hosts: ['push.test', '*.below.test'] })
  const page = await connect('ada')
  const good = service.subscribe('phone')
  const words =
    `push.test/1 http://push.test/1 https:push.test/1 https://push.test:8443/1 https://push.test:443/1
    https://user@push.test/1 https://@push.test/1 https://PUSH.test/1 https://push.test./1 https://push.test/a/../1
    https://push.test/1? https://push.test/1#2 https://other.test/1 https://notpush.test/1 https://push.test.evil.com/1
    https://below.test/1 https://xbelow.test/1 https://127.0.0.1/1 https://[::1]/1`.split(/\s+/)
  const endpoints = [...words, '', ' https://push.test/1', `https://push.test/${'x'.repeat(1_024)}`]
  const { p256dh } = good.keys
  const off = Buffer.from(p256dh, 'base64url')
  off[64] = (off[64] ?? 0) ^ 1
  const badKeys = [
    { p256dh: off.toString('base64url') },
    { p256dh: createECDH('prime256v1').generateKeys('base64url', 'compressed') },
    { p256dh: `${p256dh}=` },
    { p256dh: '' },
    { auth: Buffer.alloc(15).toString('base64url') },
    { auth: '' },
  ]
  const bad = [
    ...endpoints.map((endpoint) => ({ ...good, endpoint })),
    ...badKeys.map((keys) => ({ ...good, keys: { ...good.keys, ...keys } })),
  ]
  for (const subscription of bad) {
    page.send({ type: 'push', subscription })
    assert.deepEqual((await page.next('refused'))['code'], 'refused', JSON.stringify(subscription))
  }
  page.send({ type: 'push', subscription: null })
  assert.equal((await page.next('refused'))['code'], 'bad-request')
  page.send(
    { type: 'push', subscription: good },
    { type: 'push', subscription: { ...good, endpoint: 'https://a.below.test/1' } },
  )
  await settled(page)
  assert.equal((field(await rest('GET', '/users/ada/push'), 'subscriptions') as unknown[]).length, 2)
})

test('a device that its page takes off gets nothing more', async () => {
  const { service, connect, subscribe, send } = await startPushGateway()
  const subscription = service.subscribe('phone')
  await subscribe('ada', subscription)
  await subscribe('ada', service.subscribe('laptop'))
  const page = await connect('ada')
  page.send({ type: 'push', subscription: null, endpoint: subscription.endpoint })
  await settled(page)
  await leave(page)
  await send('bob', 'ada', 'Hello')
  await until('the other device got it', () => service.received.length, 1)
  assert.deepEqual(service.bodies('laptop'), ['Hello'])
})

test("another user's endpoint is taken over with its keys only", async () => {
  const { service, connect, subscribe, send } = await startPushGateway()
  const subscription = service.subscribe('phone')
  await subscribe('ada', subscription)
  const thief = await connect('eve', { hidden: true })
  const { keys } = service.subscribe('other')
  thief.send({ type: 'push', subscription: { ...subscription, keys } })
  assert.equal((await thief.next('refused'))['code'], 'refused')
  await send('bob', 'ada', 'to ada')
  await until('it came', () => service.received.length, 1)

  await subscribe('eve', subscription)
  await send('bob', 'ada', 'to ada again')
  await send('bob', 'eve', 'to eve')
  await until('the new owner got it', () => service.received.length, 2)
  assert.deepEqual(service.bodies('phone'), ['to ada', 'to eve'])
})

test('a device stands on the token that its session was renewed with', async () => {
  const engine = createMemoryEngine()
  const { service, connect } = await startPushGateway({}, { parts: { engine } })
  const page = await connect('ada')
  const token = await tokenFor('ada')
  // Both frames come at once: the subscription waits for the renewal.
  page.send({ type: 'token', token }, { type: 'push', subscription: service.subscribe('phone') })
  await page.next('renewed')
  await untilDeviceStandsOn(engine, token)
  assert.ok(!isRefused(page.frames))
  // It was there before the next renewal. A revocation of the token before ends neither the session nor the device.
  const next = await tokenFor('ada')
  page.send({ type: 'token', token: next })
  await untilDeviceStandsOn(engine, next)
  await engine.revokeToken('app', String(decodeJwt(token).jti))
  assert.equal((await engine.pushDevices(ada)).length, 1)
})

test('a device still stands on the token of its page after the page took an earlier subscription back', async () => {
  const engine = createMemoryEngine()
  const { service, connect } = await startPushGateway({}, { parts: { engine } })
  const page = await connect('ada')
  const count = async (): Promise<number> => (await engine.pushDevices(ada)).length
  const earlier = service.subscribe('earlier')
  for (const subscription of [earlier, service.subscribe('phone')]) page.send({ type: 'push', subscription })
  await until('both are stored', count, 2)
  page.send({ type: 'push', subscription: null, endpoint: earlier.endpoint })
  await until('the earlier one has ended', count, 1)
  const token = await tokenFor('ada')
  page.send({ type: 'token', token })
  await untilDeviceStandsOn(engine, token)
})

test('a token is answered once, though the engine can not renew the device; the next token renews it', async () => {
  const engine = createMemoryEngine()
  const { service, connect } = await startPushGateway({}, { parts: { engine } })
  const page = await connect('ada')
  page.send({ type: 'push', subscription: service.subscribe('phone') })
  await until('it is stored', async () => (await engine.pushDevices(ada)).length, 1)
  const save = engine.savePushDevice.bind(engine)
  let failures = 0
  engine.savePushDevice = () => {
    failures += 1
    return Promise.reject(new EngineError('unavailable', 'The test lets this call fail.'))
  }
  page.send({ type: 'token', token: await tokenFor('ada') })
  await page.next('renewed')
  await until('the engine failed', () => failures, 1)
  engine.savePushDevice = save
  const token = await tokenFor('ada')
  page.send({ type: 'token', token })
  await page.next('renewed')
  await untilDeviceStandsOn(engine, token)
  assert.ok(!isRefused(page.frames))
})

test('the backend lists the devices of a user without their endpoints, and ends one', async () => {
  const { service, subscribe, send, rest } = await startPushGateway()
  await subscribe('ada', service.subscribe('phone'))
  await send('bob', 'ada', 'Hello')
  await until('it is known to have been delivered', async () => {
    const answer = await rest('GET', '/users/ada/push')
    return field(answer, 'subscriptions', 0, 'lastSuccessAt') !== null
  })
  const answer = await rest('GET', '/users/ada/push')
  const { id, createdAt, renewedAt, ...more } = field(answer, 'subscriptions', 0) as Record<string, number>
  assert.deepEqual([createdAt, Object.keys(more)], [renewedAt, ['host', 'lastSuccessAt']])
  assert.ok(!JSON.stringify(answer.body).includes('/send/'))
  assert.equal((await rest('DELETE', `/users/ada/push/${id}`)).status, 204)
  assert.deepEqual(statusAndCode(await rest('DELETE', `/users/ada/push/${id}`)), [404, 'not-found'])
  assert.deepEqual((await rest('GET', '/users/ada/push')).body, { subscriptions: [] })
  assert.deepEqual(statusAndCode(await rest('GET', '/users/nobody/push')), [404, 'unknown-user'])
})
