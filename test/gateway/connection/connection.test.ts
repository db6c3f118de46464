import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closeCodes, type EndCode } from '../../../src/protocol/index.js'
import { createSignature } from '../../../src/tokens/index.js'
import {
  openClient,
  startClient,
  within,
  startAs,
  roundTrip,
  type Client,
  type ClientOptions,
} from '../../support/raw-client.js'
import { startGateway, testApp } from '../../support/gateway.js'
import { secret, signatureSecret, tokenFor } from '../../support/tokens.js'
import { guestStart, signedStart, startOf, startWithParams } from '../../support/starts.js'

const never = (): Promise<never> => new Promise(() => undefined)
const { url } = await startGateway(
  {},
  {
    startTimeout: 30,
    apps: {
      app: testApp({ limits: { sessionsPerUser: 2 } }),
      closed: testApp({ secrets: ['another secret'], signatureSecrets: [], guests: false }),
      web: testApp({
        secrets: ['a third secret'],
        signatureSecrets: [],
        origins: ['https://www.example.com'],
      }),
    },
  },
)

/** Asserts that a connection ends with an `ended` frame and a close that have the same code. */
const assertEnds = async (client: Client, code: EndCode, retryable = false): Promise<void> => {
  const end = await client.end()
  assert.deepEqual({ code: end.code, reason: end.reason }, { code: closeCodes[code], reason: code })
  const { type, message, ...frame } = end.frame
  assert.equal(type, 'ended')
  assert.match(message as string, /^[A-Z].*\.$/)
  assert.deepEqual(frame, { code, retryable })
}

const expired = await tokenFor('ada', { expiresIn: 0.001 })

const starts: [what: string, start: () => unknown, code: EndCode, options?: ClientOptions][] = [
  ['for an unknown app', () => ({ ...guestStart, appId: 'unknown' }), 'unknown-app'],
  ['for an app called __proto__', () => ({ ...guestStart, appId: '__proto__' }), 'unknown-app'],
  ['as a guest of an app without guests', () => ({ ...guestStart, appId: 'closed' }), 'guests-refused'],
  ['without credentials', () => ({ type: 'start', appId: 'app', userId: 'ada' }), 'bad-request'],
  ['with two credentials', () => startOf('ada', { guest: true }), 'bad-request'],
  ['with a signature that is null', () => startOf('ada', { signature: null }), 'bad-request'],
  ['with guest: false', () => ({ ...guestStart, guest: false }), 'bad-request'],
  ['as another user than the token’s', () => startOf('ada', { userId: 'eve' }), 'bad-request'],
  ['with a number for a user id', () => startOf('12', { userId: 12 }), 'bad-request'],
  ['without an app id', () => ({ type: 'start', guest: true }), 'bad-request'],
  ['with a signature and no user id', () => signedStart('ada', { userId: undefined }), 'bad-request'],
  ['with an empty user id', () => signedStart('ada', { userId: '' }), 'bad-request'],
  ['as a user called ..', () => signedStart('ada', { userId: '..' }), 'bad-request'],
  ['with a profile that is no object', () => startOf('ada', { user: 'Ada' }), 'bad-request'],
  ['with auth params of 5 kB', () => startWithParams('ada', { x: 'x'.repeat(5_000) }), 'bad-request'],
  [
    'with auth params that are a list',
    () => ({ type: 'start', appId: 'app', userId: 'ada', authParams: [] }),
    'bad-request',
  ],
  ['with auth params for an app without `authenticate`', () => startWithParams('ada'), 'unauthenticated'],
  [
    'with a token that is signed with another secret',
    async () => startOf('ada', { token: await tokenFor('ada', { secret: 'wrong' }) }),
    'unauthenticated',
  ],
  [
    'with a token of another app',
    async () => startOf('ada', { token: await tokenFor('ada', { appId: 'closed' }) }),
    'unauthenticated',
  ],
  ['with a token that is no JWT', () => startOf('ada', { token: 'abc' }), 'unauthenticated'],
  ['with a token that has expired', () => startOf('ada', { token: expired }), 'token-expired'],
  ['with another user’s signature', () => signedStart('ada', { userId: 'eve' }), 'unauthenticated'],
  [
    'with a signature for an app without `signatureSecrets`',
    () => signedStart('ada', { appId: 'closed' }),
    'unauthenticated',
  ],
  [
    'with a signature that is made with a secret of tokens',
    async () => signedStart('ada', { signature: await createSignature('ada', secret) }),
    'unauthenticated',
  ],
  [
    'from another origin',
    () => ({ ...guestStart, appId: 'web' }),
    'origin-refused',
    { origin: 'https://evil.example' },
  ],
]

for (const [what, makeStart, code, options] of starts)
  for (const place of ['handshake', 'first frame'])
    test(`a start ${what}, in the ${place}, ends as ${code}`, async () => {
      const start = await makeStart()
      const client = openClient(url, { ...options, ...(place === 'handshake' && { start }) })
      await client.opened
      if (place === 'first frame') client.send(JSON.stringify(start))
      await assertEnds(client, code)
    })

const oddities: [what: string, sent: string | Buffer][] = [
  ['is not JSON', 'nonsense'],
  ['is empty', ''],
  ['is a list', '[]'],
  ['is null', 'null'],
  ['has no type', '{}'],
  ['has an unknown type', '{"type":"subscribe"}'],
  ['has a type that is a number', '{"type":1}'],
  ['has the name of an object’s own member for a type', '{"type":"constructor"}'],
  ['misses a field', '{"type":"token"}'],
  ['has a field of the wrong type', '{"type":"profile","user":{"name":1}}'],
  ['has a negative offset', '{"type":"read","epoch":"e","offset":-1}'],
  ['is binary', Buffer.from('{"type":"pong"}')],
]
for (const [what, sent] of oddities) {
  test(`a frame that ${what} ends a live session with 4400 bad-request`, async () => {
    const client = await startAs(url, 'odd')
    client.send(sent)
    await assertEnds(client, 'bad-request')
  })
  test(`a first frame that ${what} ends the connection with 4400 bad-request`, async () => {
    const client = openClient(url)
    await client.opened
    client.send(sent)
    await assertEnds(client, 'bad-request')
  })
}

test('a second start ends the session with 4400 bad-request', async () => {
  const client = await startAs(url, 'ada')
  client.send(await startOf('ada'))
  await assertEnds(client, 'bad-request')
})

test('a second start while the first is authenticated ends the connection with 4400 bad-request', async () => {
  const { url: slow } = await startGateway({ authenticate: never })
  const client = openClient(slow, { start: startWithParams('ada') })
  await client.opened
  client.send(guestStart)
  await assertEnds(client, 'bad-request')
})

test('a frame of more than 64 kB ends with 4413 too-large, one of 64 kB does not', async () => {
  const client = await startAs(url, 'large')
  const padded = (bytes: number): string =>
    JSON.stringify({ type: 'pong', x: '' }).replace('""', `"${'x'.repeat(bytes - 22)}"`)
  assert.equal(padded(65_536).length, 65_536)
  client.send(padded(65_536), { type: 'token', token: await tokenFor('large') })
  assert.equal((await client.next()).type, 'renewed')
  client.send(padded(65_537))
  await assertEnds(client, 'too-large')
})

test('a frame of 1 MB is refused by its length: 1009', async () => {
  const client = await startAs(url, 'huge')
  client.send(Buffer.alloc(1_000_000, 'x').toString())
  assert.equal((await within(client.closed, 'close')).code, 1009)
})

test('if a user starts one session too many, the oldest ends with 4429 too-many-sessions', async () => {
  const [first, second] = [await startAs(url, 'many'), await startAs(url, 'many')]
  const other = await startAs(url, 'other')
  const third = await startAs(url, 'many')
  await assertEnds(first, 'too-many-sessions')
  for (const client of [second, third, other]) {
    await roundTrip(client)
    client.close()
  }
})

test('hidden sessions make room before visible ones, the longest hidden first', async () => {
  const { url: three } = await startGateway({ limits: { sessionsPerUser: 3 } })
  const visible = await startAs(three, 'ada')
  const hiddenLater = await startAs(three, 'ada')
  const hidden = await startAs(three, 'ada', { hidden: true })
  hiddenLater.send({ type: 'visibility', hidden: true })
  await roundTrip(hiddenLater)
  const next = await startAs(three, 'ada')
  await assertEnds(hidden, 'too-many-sessions')
  const last = await startAs(three, 'ada')
  await assertEnds(hiddenLater, 'too-many-sessions')
  for (const client of [visible, next, last]) {
    await roundTrip(client)
    client.close()
  }
})

test('a connection without a start in time ends with 4508 timeout, and is retryable', async () => {
  const { url: hasty } = await startGateway({}, { startTimeout: 1 })
  await assertEnds(openClient(hasty), 'timeout', true)
})

test('a start that is not authenticated in time ends with 4508 timeout, and is retryable', async () => {
  const { url: hasty } = await startGateway({ authenticate: never }, { startTimeout: 1 })
  const start = startWithParams('ada')
  await assertEnds(openClient(hasty, { start }), 'timeout', true)
})

test('a signature of 64 digits in capitals is accepted, one with 65 is not', async () => {
  const signature = (await createSignature('ada', signatureSecret)).toUpperCase()
  const start = { type: 'start', appId: 'app', userId: 'ada', signature }
  const client = await startClient(url, start)
  client.close()
  await assertEnds(openClient(url, { start: { ...start, signature: `${signature}0` } }), 'unauthenticated')
})
