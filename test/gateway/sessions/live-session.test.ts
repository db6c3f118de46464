import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openClient, startClient, startAs } from '../../support/raw-client.js'
import { startGateway } from '../../support/gateway.js'
import { signedStart, startWithParams } from '../../support/starts.js'
import { tokenFor } from '../../support/tokens.js'

const { url, lines } = await startGateway({}, { pingInterval: 60 })

/** An `authenticate` that resolves when `open` is called. */
const gate = () => {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, authenticate: () => opened.then(() => ({ ok: true }) as const) }
}
const withParams = startWithParams('ada', { pass: 1 })

test('frames that come before `started` are handled after it, in their order, and none after an `end`', async () => {
  const { open, authenticate } = gate()
  const { url: slow } = await startGateway({ authenticate })
  const client = openClient(slow)
  await client.opened
  client.send(
    { type: 'read', epoch: 'before the start', offset: 0 },
    withParams,
    { type: 'send', id: 'a', to: '..', body: 'hello' },
    { type: 'history', id: 'b', epoch: '', limit: 0 },
    { type: 'end' },
    { type: 'profile', user: { name: 'after the end' } },
  )
  open()
  const end = await client.end()
  assert.deepEqual(
    client.frames.map(({ type, re }) => [type, re]),
    [
      ['started', undefined],
      ['refused', 'read'],
      ['refused', 'send'],
      ['refused', 'history'],
      ['ended', undefined],
    ],
  )
  assert.deepEqual([end.code, end.reason, end.frame['code']], [1000, 'ended', 'ended'])
  const again = await startClient(slow, withParams)
  assert.deepEqual(again.started['user'], { id: 'ada' })
})

/** A `read` frame of exactly `bytes` bytes. */
const readOf = (bytes: number) => ({ type: 'read', epoch: 'x'.repeat(bytes - 37), offset: 0 })

for (const [what, frames] of [
  ['16,385 bytes', [readOf(8_192), readOf(8_193)]],
  ['17 frames', Array.from({ length: 17 }, () => readOf(50))],
] as const)
  for (const place of ['before the start', 'while the start is authenticated'])
    test(`${what} ${place} end the connection with 4413 too-large`, async () => {
      const { url: slow } = await startGateway({ authenticate: gate().authenticate })
      const client = openClient(slow, place === 'before the start' ? {} : { start: withParams })
      await client.opened
      client.send(...frames)
      const end = await client.end()
      assert.deepEqual([end.code, end.reason], [4413, 'too-large'])
    })

test('16 frames of 16,384 bytes together wait for `started`, and are answered', async () => {
  const { open, authenticate } = gate()
  const { url: slow } = await startGateway({ authenticate })
  const client = openClient(slow)
  await client.opened
  const early = Array.from({ length: 16 }, () => readOf(1_024))
  assert.equal(
    early.reduce((bytes, frame) => bytes + JSON.stringify(frame).length, 0),
    16_384,
  )
  client.send(...early.slice(0, 8), withParams, ...early.slice(8))
  open()
  for (let index = 0; index < 16; index += 1) assert.equal((await client.next('refused'))['re'], 'read')
})

test('a fresh token renews the session in place', async () => {
  const client = await startAs(url, 'ada', { token: await tokenFor('ada', { expiresIn: 60 }) })
  assert.ok((client.started['expiresIn'] as number) <= 60_000)
  client.send({ type: 'token', token: await tokenFor('ada', { expiresIn: 7_200 }) })
  const { type, expiresIn } = await client.next()
  assert.equal(type, 'renewed')
  assert.ok((expiresIn as number) > 7_100_000 && (expiresIn as number) <= 7_200_000)
  client.send({ type: 'token', token: await tokenFor('ada', { expiresIn: null }) })
  assert.deepEqual(await client.next(), { type: 'renewed', expiresIn: null })
})

test('a token that is not good for this session is refused, and the session goes on', async () => {
  const client = await startAs(url, 'ada')
  for (const token of [
    await tokenFor('eve'),
    await tokenFor('ada', { appId: 'other' }),
    await tokenFor('ada', { secret: 'wrong' }),
    await tokenFor('ada', { expiresIn: 0.001 }),
    'nonsense',
  ]) {
    client.send({ type: 'token', token })
    const { message, ...answer } = await client.next()
    assert.equal(typeof message, 'string')
    assert.deepEqual(answer, { type: 'refused', re: 'token', code: 'unauthenticated', retryable: false })
  }
  client.send({ type: 'token', token: await tokenFor('ada') })
  assert.equal((await client.next()).type, 'renewed')
})

test('a session that was started with a signature does not expire', async () => {
  const client = await startClient(url, await signedStart('ada'))
  assert.equal(client.started['expiresIn'], null)
  assert.equal('token' in client.started, false)
})

test('none of these tests logs a warning or an error', () => {
  assert.ok(lines.length > 0)
  for (const line of lines) assert.match(line, /"level":"(debug|info)"/)
})
