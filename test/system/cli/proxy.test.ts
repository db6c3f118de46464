// A gateway behind a proxy: its requests go through a real proxy on loopback, which alone knows the names of the hosts.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { GatewayConfig } from '../../../src/gateway/index.js'
import { makeCertificate } from '../../support/network/certificates.js'
import { startConnectProxy, type ConnectProxy } from '../../support/network/connect-proxy.js'
import { listen } from '../../support/network/http-server.js'
import { finish, run } from '../../support/processes/command-line.js'
import { runtimes } from '../../support/processes/runtimes.js'
import { pushOf } from '../../support/push/push-network.js'
import { startPushService } from '../../support/push/push-service.js'
import { settled, startClient } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { startWithParams } from '../../support/starts.js'
import { until } from '../../support/until.js'

const folder = scratchFolder()
const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`
const { publicKey, privateKey } = await generateKeyPair('RS256')
const keys = [{ ...(await exportJWK(publicKey)), alg: 'RS256', kid: '1', use: 'sig' }]

/** The paths of the requests that the backend has got. */
const asked: string[] = []
const answers: Record<string, object> = {
  '/keys': { keys },
  '/authenticate': { ok: true },
  '/may-send': { ok: true },
  '/events': {},
}
const certificate = makeCertificate(folder, 'backend', { names: 'DNS:backend.test' })
const backend = await listen(
  createServer(
    { cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) },
    (request, response) => {
      void text(request).then(() => {
        asked.push(request.url ?? '')
        response.end(JSON.stringify(answers[request.url ?? '']))
      })
    },
  ),
)
const service = await startPushService()
const trusted = join(folder, 'trusted.pem')
writeFileSync(trusted, certificate.ca.toString() + service.address.ca)

const url = (path: string): string => `https://backend.test${path}`
const app = (): GatewayConfig['apps'][string] => ({
  environment: 'test',
  jwks: { url: url('/keys'), algorithms: ['RS256'] },
  authenticateUrl: { url: url('/authenticate'), secrets: [newSecret()] },
  authorizeSendUrl: { url: url('/may-send'), secrets: [newSecret()] },
  webhooks: { url: url('/events'), secrets: [newSecret()], events: ['message.created'] },
  push: pushOf(),
})
const writeConfig = (name: string): string => {
  const config = { listen: { port: 0 }, engine: { type: 'memory' }, apps: { app: app() } }
  const file = join(folder, name)
  writeFileSync(file, JSON.stringify(config))
  return file
}

const startProxy = (): Promise<ConnectProxy> =>
  startConnectProxy({ 'backend.test': backend.port, 'push.test': service.address.port })

const envOf = (proxy: ConnectProxy, more: Record<string, string> = {}): Record<string, string> => ({
  HTTPS_PROXY: proxy.url,
  NODE_EXTRA_CA_CERTS: trusted,
  ...more,
})

const token = (userId: string): Promise<string> =>
  new SignJWT({ tokenType: 'user' })
    .setProtectedHeader({ alg: 'RS256', kid: '1' })
    .setIssuer('app')
    .setSubject(userId)
    .setExpirationTime('1h')
    .sign(privateKey)

for (const runtime of runtimes)
  test(`${runtime.name}: key sets, authenticateUrl, authorizeSendUrl, webhooks and pushes go through the proxy`, async () => {
    asked.length = 0
    const proxy = await startProxy()
    const config = writeConfig(`${runtime.name}.json`)
    const gateway = run(['serve', '--config', config], envOf(proxy), folder, runtime.path)
    const address = await gateway.url()

    const ada = await startClient(address, { type: 'start', appId: 'app', token: await token('ada') })
    const bob = await startClient(address, startWithParams('bob'))
    bob.send({ type: 'push', subscription: service.subscribe(runtime.name) })
    await settled(bob)
    bob.send({ type: 'visibility', hidden: true })
    await settled(bob)
    ada.send({ type: 'send', id: '1', to: 'bob', body: 'through the proxy' })
    await ada.next('sent')
    await until('the webhook', () => asked.includes('/events'))
    await until('the push', () => service.bodies(runtime.name).length, 1)
    assert.deepEqual(service.bodies(runtime.name), ['through the proxy'])
    assert.deepEqual([...new Set(asked)].sort(), Object.keys(answers).sort())
    assert.deepEqual([...new Set(proxy.tunnels)].sort(), ['backend.test:443', 'push.test:443'])
    assert.deepEqual(proxy.requests, [])

    gateway.child.kill('SIGTERM')
    const { stderr, code } = await gateway.outcome
    assert.equal(code, 0)
    assert.match(stderr, new RegExp(`"proxy":"${proxy.origin}".*go through a proxy`))
    assert.doesNotMatch(stderr, /pass%3A|pass:w/)
  })

for (const runtime of runtimes)
  test(`${runtime.name}: what NO_PROXY names goes direct, and what the proxy refuses fails with the proxy and its status in the log`, async () => {
    const proxy = await startProxy()
    proxy.refusal = 403
    const config = writeConfig(`${runtime.name}-refused.json`)
    const gateway = run(
      ['serve', '--config', config],
      envOf(proxy, { NO_PROXY: 'push.test' }),
      folder,
      runtime.path,
    )
    const address = await gateway.url()
    const client = await startClient(address, { type: 'start', appId: 'app', guest: true })
    client.send({ type: 'send', id: '1', to: 'bob', body: 'refused' })
    assert.equal((await client.next('refused'))['code'], 'unavailable')
    assert.deepEqual([...new Set(proxy.tunnels)], ['backend.test:443'])
    gateway.child.kill('SIGTERM')
    const { stderr } = await gateway.outcome
    assert.match(stderr, new RegExp(`through the proxy ${proxy.origin}`))
    if (runtime.name === 'Node') assert.match(stderr, /which answered 403/)
  })

test('doctor says through which proxy each request goes, and asks the backend through it', async () => {
  const proxy = await startProxy()
  const gateway = run(['serve', '--config', writeConfig('doctor.json')], envOf(proxy))
  const doctor = (more: Record<string, string> = {}) =>
    gateway
      .url()
      .then((address) =>
        finish(['doctor', address, '--config', join(folder, 'doctor.json')], envOf(proxy, more)),
      )
  const { stdout } = await doctor({ NO_PROXY: '.push.test' })
  const lines = stdout.split('\n').map((line) => line.replaceAll(/ +/g, ' '))
  for (const line of [
    `ok proxy HTTPS_PROXY is set: a gateway with this environment sends its requests through ${proxy.origin}`,
    `ok apps.app.webhooks requests to backend.test go through the proxy ${proxy.origin}`,
    `ok apps.app.push requests to push.test go direct, without a proxy`,
  ])
    assert.ok(lines.includes(line), `${line}\n${stdout}`)
  assert.match(stdout, /authorizeSendUrl +answers yes about a probe/)
  const wrong = await doctor({ HTTPS_PROXY: 'socks5://secret@127.0.0.1:1' })
  assert.match(wrong.stdout, /^fail {2}proxy +HTTPS_PROXY must be the URL of a proxy/m)
  assert.doesNotMatch(wrong.stdout, /secret/)
  assert.equal(wrong.code, 2)
  gateway.child.kill('SIGTERM')
  await gateway.outcome
})
