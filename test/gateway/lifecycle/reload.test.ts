import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { copyFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { SignJWT } from 'jose'
import { createMemoryEngine, EngineError } from '../../../src/engine/index.js'
import { type AppConfig, type Gateway, type GatewayConfig } from '../../../src/gateway/index.js'
import { makeCertificate } from '../../support/network/certificates.js'
import { startGateway, testApp } from '../../support/gateway.js'
import { openClient, startClient, within, type Client, startAs } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { appId, secret, tokenFor } from '../../support/tokens.js'

const newSecret = 'another secret, with which the old one is replaced'

const configOf = (app: Partial<AppConfig>, config: Partial<GatewayConfig> = {}): GatewayConfig => ({
  listen: { port: 0 },
  engine: { type: 'memory' },
  apps: { [appId]: testApp(app) },
  ...config,
})

const start = (token: string) => ({ type: 'start', appId, token })

/** Returns the code of the frame that a start is refused with. */
const refusal = async (url: string, token: string, origin?: string): Promise<unknown> => {
  const client = openClient(url, { start: start(token), ...(origin !== undefined && { origin }) })
  return (await client.end()).frame['code']
}

/** Sends a message to the session's own user and waits for its arrival. */
const sendAndReceive = async (client: Client, id: string): Promise<void> => {
  client.send({ type: 'send', id, to: 'ada', body: id })
  await client.next('message')
}

test('a secret is rotated under live sessions: none is dropped, and new starts stand on the new secret', async () => {
  const { gateway, url } = await startGateway()
  const live = await startClient(url, start(await tokenFor('ada')))
  await sendAndReceive(live, 'before')

  const both = await gateway.reload(configOf({ secrets: [newSecret, secret] }))
  assert.deepEqual(both, { applied: ['apps.app.secrets'], needsRestart: [] })
  await startClient(url, start(await tokenFor('ada')))
  await startClient(url, start(await tokenFor('ada', { secret: newSecret })))
  await sendAndReceive(live, 'both')

  await gateway.reload(configOf({ secrets: [newSecret] }))
  await sendAndReceive(live, 'after')
  assert.equal(await refusal(url, await tokenFor('ada')), 'unauthenticated')
  live.send({ type: 'token', token: await tokenFor('ada') })
  assert.equal((await live.next('refused'))['code'], 'unauthenticated')
  live.send({ type: 'token', token: await tokenFor('ada', { secret: newSecret }) })
  await live.next('renewed')
  await sendAndReceive(live, 'renewed')
})

/** Returns a function that resolves with the next presence that a client gets: `bob online`; `bob hidden` for users whom it may not see. */
const presenceOf = (client: Client) => async (): Promise<string[]> => {
  const { users } = await client.next('presence')
  return (users as { id: string; online: boolean; lastSeenAt: number | null }[]).map(
    ({ id, online, lastSeenAt }) => `${id} ${online ? 'online' : lastSeenAt === null ? 'hidden' : 'offline'}`,
  )
}

test('a watch shows users once the config allows it, and nobody any more once the config forbids it', async () => {
  const { gateway, url } = await startGateway({ presence: 'nobody' })
  const [ada, bob, peer] = [await startAs(url, 'ada'), await startAs(url, 'bob'), await startAs(url, 'peer')]
  const presence = presenceOf(ada)
  peer.send({ type: 'send', id: 'a', to: 'ada', body: 'hello' })
  await peer.next('sent')
  ada.send({ type: 'watch', users: ['bob', 'peer'] })
  assert.deepEqual(await presence(), ['bob hidden', 'peer hidden'])
  await gateway.reload(configOf({ presence: 'peers' }))
  assert.deepEqual(await presence(), ['bob hidden', 'peer online'])
  await gateway.reload(configOf({ presence: 'anyone' }))
  assert.deepEqual(await presence(), ['bob online', 'peer online'])
  bob.send({ type: 'end' })
  assert.deepEqual(await presence(), ['bob offline'])
  await gateway.reload(configOf({ presence: 'nobody' }))
  peer.send({ type: 'end' })
  assert.deepEqual(await presence(), ['bob hidden', 'peer hidden'])
})

test('origins, limits and the send rule of a live session are those of the newest config', async () => {
  const { gateway, url } = await startGateway()
  const token = await tokenFor('ada')
  const live = await startClient(url, start(token), { origin: 'https://old.example' })
  const { applied } = await gateway.reload(
    configOf({ origins: ['https://new.example'], limits: { messagesPerSecond: 1 } }),
  )
  assert.deepEqual(applied, ['apps.app.origins', 'apps.app.limits'])
  assert.equal(await refusal(url, token, 'https://old.example'), 'origin-refused')
  await startClient(url, start(token), { origin: 'https://new.example' })
  live.send({ type: 'send', id: '1', to: 'ada', body: '1' }, { type: 'send', id: '2', to: 'ada', body: '2' })
  assert.equal((await live.next('refused'))['code'], 'rate-limited')

  await gateway.reload(configOf({ send: 'backend' }))
  live.send({ type: 'send', id: '3', to: 'ada', body: '3' })
  assert.equal((await live.next('refused'))['code'], 'refused')
})

test("authorizeSend may come and go under a live session, and the backend's messages follow the newest quota", async () => {
  const { gateway, url } = await startGateway()
  const live = await startClient(url, start(await tokenFor('ada')))
  await gateway.reload(configOf({ authorizeSend: ({ to }) => to === 'ada' }))
  live.send({ type: 'send', id: '1', to: 'bob', body: '1' })
  assert.equal((await live.next('refused'))['code'], 'refused')
  await gateway.reload(configOf({ limits: { inboxes: 1 } }))
  live.send({ type: 'send', id: '1', to: 'ada', body: '1' })
  await live.next('sent')
  await assert.rejects(gateway.publish({ appId, to: 'bob', body: 'full' }), { code: 'unavailable' })
})

test('an app can be added; one that is removed keeps its sessions until a restart', async () => {
  const { gateway, url } = await startGateway()
  const live = await startClient(url, start(await tokenFor('ada')))
  const apps: GatewayConfig['apps'] = { other: { environment: 'test', secrets: [newSecret] } }
  const result = await gateway.reload(configOf({}, { apps }))
  assert.deepEqual(result, { applied: ['apps.other'], needsRestart: ['apps.app'] })
  const token = await tokenFor('ada', { appId: 'other', secret: newSecret })
  await startClient(url, { type: 'start', appId: 'other', token })
  await gateway.publish({ appId: 'other', to: 'ada', body: 'new' })
  await sendAndReceive(live, 'still here')
})

test('the limits of the process are those of the newest config', async () => {
  const { gateway, url } = await startGateway()
  await startClient(url, start(await tokenFor('ada')))
  await gateway.reload(configOf({}, { limits: { connections: 1 } }))
  const { frame } = await openClient(url, { start: start(await tokenFor('bob')) }).end()
  assert.equal(frame['code'], 'unavailable')
  await gateway.reload(configOf({}, { limits: { connections: 2 } }))
  await startClient(url, start(await tokenFor('bob')))
})

/** Returns the certificate that the gateway shows to a new connection. */
const shownCertificate = (url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false })
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
  })

test('a renewed TLS certificate is shown to new connections, and the connections under the old one live on', async () => {
  const folder = scratchFolder()
  const [one, two] = [makeCertificate(folder, 'one'), makeCertificate(folder, 'two')]
  const listen = { port: 0, tls: { cert: `${folder}/live.pem`, key: `${folder}/live-key.pem` } }
  const install = async ({ cert, key }: { cert: string; key: string }): Promise<void> => {
    await copyFile(cert, listen.tls.cert)
    await copyFile(key, listen.tls.key)
  }
  await install(one)
  const { gateway, url } = await startGateway({}, { listen })
  const live = await startClient(url, start(await tokenFor('ada')), { ca: one.ca })
  const before = await shownCertificate(url)
  const config = configOf({}, { listen })
  assert.deepEqual(await gateway.reload(config), { applied: [], needsRestart: [] })

  await copyFile(two.key, listen.tls.key)
  await assert.rejects(gateway.reload(config), { code: 'bad-tls' }, 'the key is of another certificate')
  await writeFile(listen.tls.cert, 'nonsense')
  await assert.rejects(gateway.reload(config), { code: 'bad-tls' })
  assert.equal(await shownCertificate(url), before)

  await install(two)
  assert.deepEqual(await gateway.reload(config), { applied: ['listen.tls'], needsRestart: [] })
  assert.notEqual(await shownCertificate(url), before)
  await startClient(url, start(await tokenFor('ada')), { ca: two.ca })
  await sendAndReceive(live, 'over the old one')
})

test('a bad config changes nothing, not even its good parts, and each problem is said', async () => {
  const { gateway, url } = await startGateway()
  const bad: unknown = { ...configOf({ secrets: [newSecret], guests: 5 as never }), pingInterval: 0 }
  await assert.rejects(gateway.reload(bad as GatewayConfig), (error: Error) => {
    assert.deepEqual(error.message.split('\n'), [
      'pingInterval: must be a number of seconds from 0.01 to 3600',
      'apps.app.guests: must be true or false',
    ])
    return true
  })
  await startClient(url, start(await tokenFor('ada')))
})

test('a change that needs a restart is said at each reload until the config is as before', async () => {
  const { gateway } = await startGateway()
  const other = configOf({}, { pingInterval: 5, engine: { type: 'embedded' } })
  const needsRestart = ['engine', 'pingInterval']
  assert.deepEqual(await gateway.reload(other), { applied: [], needsRestart })
  assert.deepEqual(await gateway.reload(other), { applied: [], needsRestart })
  assert.deepEqual(await gateway.reload(configOf({})), { applied: [], needsRestart: [] })
})

test('a config that the engine fails to take changes nothing, in the engine either', async () => {
  const engine = createMemoryEngine()
  const { configure } = engine
  const kept = new Map<string, number>()
  engine.configure = async (id, options) => {
    if (id === 'broken') throw new EngineError('unavailable', 'The engine is away.')
    kept.set(id, options.retention.messages)
    await configure.call(engine, id, options)
  }
  const { gateway, url } = await startGateway({}, {}, { engine })
  const apps: GatewayConfig['apps'] = {
    [appId]: { environment: 'test', secrets: [newSecret], retention: { messages: 5 } },
    broken: { environment: 'test' },
  }
  await assert.rejects(gateway.reload(configOf({}, { apps })), { code: 'unavailable' })
  assert.equal(kept.get(appId), 1_000)
  await startClient(url, start(await tokenFor('ada')))
})

test('the keys of a key set are rotated', async () => {
  const keyOf = (pair: ReturnType<typeof newPair>) => ({ ...pair.publicKey.export({ format: 'jwk' }) })
  const newPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const sign = ({ privateKey }: ReturnType<typeof newPair>): Promise<string> =>
    new SignJWT({ tokenType: 'user', iss: appId, sub: 'ada' })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey)
  const [one, two] = [newPair(), newPair()]
  const jwksOf = (...keys: ReturnType<typeof keyOf>[]): Partial<AppConfig> => ({
    jwks: { keys, algorithms: ['ES256'] },
  })
  const { gateway, url } = await startGateway(jwksOf(keyOf(one)))
  const live = await startClient(url, start(await sign(one)))
  await gateway.reload(configOf(jwksOf(keyOf(two))))
  await startClient(url, start(await sign(two)))
  assert.equal(await refusal(url, await sign(one)), 'unauthenticated')
  await sendAndReceive(live, 'after')
})

test('a gateway that is closed takes no config', async () => {
  const { gateway } = await startGateway()
  await gateway.close()
  await assert.rejects(gateway.reload(configOf({})), { code: 'closed' })
})

test('reloads run one after the other, and the last one stays', async () => {
  const { gateway, url } = await startGateway()
  const reload = (name: string): ReturnType<Gateway['reload']> =>
    gateway.reload(configOf({ secrets: [name] }))
  await within(Promise.all([reload('first'), reload('second'), reload(newSecret)]), 'reload')
  await startClient(url, start(await tokenFor('ada', { secret: newSecret })))
  assert.equal(await refusal(url, await tokenFor('ada', { secret: 'second' })), 'unauthenticated')
})
