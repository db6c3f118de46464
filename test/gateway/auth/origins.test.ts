import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openClient, startClient } from '../../support/raw-client.js'
import { startGateway, testApp } from '../../support/gateway.js'
import { startOf } from '../../support/starts.js'
import { tokenFor } from '../../support/tokens.js'

const { url } = await startGateway(
  {},
  {
    apps: {
      app: testApp({ origins: ['https://www.example.com', 'http://localhost:3000'] }),
      any: testApp({ secrets: ['another secret'], signatureSecrets: [] }),
    },
  },
)
const start = await startOf('ada')

for (const origin of ['https://www.example.com', 'http://localhost:3000', undefined])
  test(`a client whose origin is ${origin ?? 'missing'} passes`, async () => {
    await startClient(url, start, { ...(origin !== undefined && { origin }) })
  })

for (const origin of [
  'https://www.example.com/',
  'https://WWW.example.com',
  'HTTPS://www.example.com',
  'https://www.example.com:443',
  'http://www.example.com',
  'https://example.com',
  'https://www.example.com.evil.example',
  'http://localhost',
  'http://localhost:3001',
  'null',
  '',
])
  test(`a page whose origin is "${origin}" is refused, whatever its credentials`, async () => {
    const client = openClient(url, { start, headers: { origin } })
    const { code, reason } = await client.end()
    assert.deepEqual([code, reason], [4403, 'origin-refused'])
  })

test('the client is told which origin to add, and where', async () => {
  const messageFor = async (origin: string): Promise<unknown> => {
    const { frame } = await openClient(url, { start, headers: { origin } }).end()
    const post = await fetch(`${url}/v1/session/send`, {
      method: 'POST',
      headers: { origin },
      body: JSON.stringify({ appId: 'app', token: start.token, sends: [{ id: 'm', to: 'bob', body: 'x' }] }),
    })
    const { title } = (await post.json()) as { title: string }
    assert.equal(title, frame['message'])
    return title
  }
  const add = "This page's origin is not in apps.app.origins of the gateway's config: add it there."
  for (const origin of ['https://staging.example.com', 'http://192.168.1.7:8080', 'capacitor://localhost'])
    assert.equal(await messageFor(origin), `${add} The origin is ${origin}.`)
  assert.match((await messageFor('null')) as string, /origin is null.*file.*web server/)
  // No page has such an origin.
  for (const origin of ['https://a.example/<script>', 'a\u00e9', `https://${'a'.repeat(300)}`.toUpperCase()])
    assert.equal(await messageFor(origin), add)
})

test('a refused origin is logged, up to the length that an origin can have', async () => {
  const { url, gateway, lines } = await startGateway({ origins: ['https://www.example.com'] })
  const long = `https://${'a'.repeat(1_000)}.example`
  for (const origin of ['https://staging.example.com', 'https://b.example', long])
    await openClient(url, { start, headers: { origin } }).end()
  await gateway.close()
  const refused = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ code }) => code === 'origin-refused')
  // Lines with different origins count as one kind, because a client could send another origin each time.
  assert.deepEqual(
    refused.map(({ origin, repeated }) => [origin, repeated]),
    [
      ['https://staging.example.com', undefined],
      [long.slice(0, 280), 2],
    ],
  )
  for (const { why } of refused) assert.match(String(why), /not in apps\.app\.origins.*add it/)
})

test('each app has its own origins', async () => {
  const token = await tokenFor('ada', { appId: 'any', secret: 'another secret' })
  for (const origin of ['https://evil.example', 'null']) {
    const client = await startClient(url, { ...start, appId: 'any', token }, { origin })
    client.close()
  }
})
