// nginx, Caddy and HAProxy with the files of deploy/, in front of a real gateway.
import assert from 'node:assert/strict'
import { request } from 'node:https'
import { test } from 'node:test'
import { finish } from '../../support/processes/command-line.js'
import { startGateway } from '../../support/gateway.js'
import { freePort } from '../../support/network/free-port.js'
import { openClient, startClient } from '../../support/raw-client.js'
import { startStream } from '../../support/clients/stream-client.js'
import { appId, secret, tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import { startHAProxy } from '../redis-faults/haproxy.js'
import { readDeployed, startCaddy, startClusterCaddy, startNginx, type Proxy } from './support.js'

const origin = 'https://www.example.com'
const gateway = await startGateway(
  { environment: 'production', origins: [origin], secrets: [secret] },
  { listen: { port: 0, trustProxy: 1 } },
)

const get = (url: string, ca: Buffer, headers: Record<string, string> = {}): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const outgoing = request(url, { ca, headers }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    outgoing.once('error', reject).end()
  })

/** Each message is awaited before the next one is sent: a buffer would hold it back. */
const messagesComeAtOnce = async (url: string, ca: Buffer): Promise<void> => {
  const start = { type: 'start', appId, token: await tokenFor('linus') }
  const stream = await startStream(url, start, { ca, headers: { origin, 'accept-encoding': 'gzip, br' } })
  assert.equal(stream.headers['content-encoding'], undefined)
  for (let number = 0; number < 3; number += 1) {
    const { status } = await stream.send({
      type: 'send',
      id: `${url} ${number}`,
      to: 'linus',
      body: `${number}`,
    })
    assert.equal(status, 204)
    assert.equal((await stream.next('message'))['body'], `${number}`)
  }
  stream.cut()
}

const doctorIsContent = async (url: string, cert: string): Promise<void> => {
  const args = ['doctor', url, '--app', appId, '--origin', origin]
  const { code, stdout } = await finish(args, { NODE_EXTRA_CA_CERTS: cert })
  assert.equal(code, 0, stdout)
  assert.deepEqual(
    stdout.split('\n').filter((line) => line !== '' && !line.startsWith('ok ')),
    [],
  )
}

const proxies: [name: string, start: (port: number) => Promise<Proxy>][] = [
  ['nginx', startNginx],
  ['Caddy', startCaddy],
]
for (const [name, start] of proxies) {
  const { url, cert, ca, logs } = await start(gateway.port)

  test(`a session starts through ${name} with TLS, and messages come both ways`, async () => {
    const token = await tokenFor('ada')
    const client = await startClient(url, { type: 'start', appId, token }, { ca, origin })
    client.send({ type: 'send', id: `${name}-1`, to: 'ada', body: 'through the proxy' })
    assert.equal((await client.next('message'))['body'], 'through the proxy')
    client.close()
  })

  test(`an event stream goes through ${name}, and each message comes at once`, () =>
    messagesComeAtOnce(url, ca))

  test(`behind ${name} the client's own address counts, whatever the client says`, async () => {
    const start = { type: 'start', appId, token: 'wrong' }
    const options = { ca, localAddress: '127.0.0.77', headers: { 'x-forwarded-for': '203.0.113.5' } }
    await openClient(url, { start, ...options }).end()
    const refusals = gateway.lines.filter((line) => line.includes('start refused'))
    const { address } = JSON.parse(refusals.at(-1) ?? '{}') as { address?: string }
    assert.equal(address, '127.0.0.77')
  })

  test(`the logs of ${name} have the requests, and no token, cookie or query`, async () => {
    const token = await tokenFor('grace')
    const headers = { cookie: 'sid=cookie-of-grace', authorization: 'Bearer bearer-of-grace' }
    const client = await startClient(url, { type: 'start', appId, token }, { ca, origin, headers })
    client.close()
    assert.equal(await get(`${url}/healthz`, ca, headers), 200)
    await until('both requests in the log', async () => /healthz.*\n/.test(await logs()))
    const text = await logs()
    assert.ok(text.includes('/v1/session'))
    for (const part of [token.split('.')[2] ?? '', 'start.', 'cookie-of-grace', 'bearer-of-grace'])
      assert.ok(!text.includes(part), part)
  })

  test(`${name} passes every check of \`doctor\`, 32 kB of headers among them`, () =>
    doctorIsContent(url, cert))
}

const withoutGateway: [name: string, start: () => Promise<Proxy>][] = [
  ['nginx', async () => startNginx(await freePort())],
  ['Caddy', async () => startCaddy(await freePort())],
  ['Caddy in front of two gateways', async () => startClusterCaddy([await freePort(), await freePort()])],
]
for (const [name, start] of withoutGateway)
  test(`the logs of ${name} have neither token nor cookie of a start while the gateway is away`, async () => {
    const { url, ca, logs } = await start()
    const status = await get(`${url}/v1/session`, ca, {
      'sec-websocket-protocol': 'chat-session.v1, start.token-of-grace',
      cookie: 'sid=cookie-of-grace',
      authorization: 'Bearer bearer-of-grace',
    })
    assert.ok(status === 502 || status === 503, String(status))
    await until('the request in the logs', async () => /\/v1\/session[^\n]*\b50[23]\b/.test(await logs()))
    const text = await logs()
    for (const part of ['token-of-grace', 'cookie-of-grace', 'bearer-of-grace'])
      assert.ok(!text.includes(part), part)
  })

test('an event stream goes through HAProxy, each message comes at once, and `doctor` finds nothing, with 32 kB of headers', async () => {
  const { port } = gateway
  const { url, ca, cert } = await startHAProxy([port, port, port])
  await messagesComeAtOnce(url, ca)
  await doctorIsContent(url, cert)
})

test('nginx logs neither a query nor a header that is too long, and sends plain HTTP to TLS', async () => {
  const { url, plainUrl = '', ca, logs } = await startNginx(gateway.port)
  assert.equal(await get(`${url}/healthz?token=in-the-query`, ca), 200)
  assert.equal(
    await get(`${url}/v1/session`, ca, { 'sec-websocket-protocol': `start.too-long${'x'.repeat(40_000)}` }),
    400,
  )
  await until('the refused request in the log', async () => (await logs()).includes(' 400 '))
  const text = await logs()
  assert.ok(!text.includes('in-the-query'))
  assert.ok(!text.includes('too-long'))
  const redirected = await fetch(`${plainUrl}/v1/errors`, { redirect: 'manual' })
  assert.equal(redirected.status, 308)
  assert.match(redirected.headers.get('location') ?? '', /^https:\/\/.*\/v1\/errors$/)
})

test('nginx waits for longer than two ping intervals, so that it closes no quiet session', async () => {
  const config = await readDeployed('nginx.conf')
  for (const name of ['proxy_read_timeout', 'proxy_send_timeout'])
    assert.ok(Number(new RegExp(`${name} (\\d+)s;`).exec(config)?.[1]) > 2 * 25, name)
})
