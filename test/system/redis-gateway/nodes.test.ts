// Two gateways on one Redis are one gateway.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { createRedisClient } from '../../../src/engine/redis/client/index.js'
import { createSharedEngine } from '../../../src/engine/redis/redis-engine.js'
import type { AppConfig, GatewayConfig } from '../../../src/gateway/index.js'
import { startGateway } from '../../support/gateway.js'
import { startClient, type Frame } from '../../support/raw-client.js'
import { standalone } from '../../support/redis/server.js'
import { startOf } from '../../support/starts.js'
import { appId, tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import { field, restOf } from '../../support/rest/rest-calls.js'

const server = await standalone({ password: 'a-password-that-no-line-may-show' })
const url = server.url.replace('//', '//:a-password-that-no-line-may-show@')

const startNodes = async (app: Partial<AppConfig> = {}, config: Partial<GatewayConfig> = {}) => {
  const engine = { type: 'redis', url, prefix: `${randomUUID()}:` } as const
  const start = () => startGateway(app, { engine, ...config })
  return [await start(), await start()] as const
}
const [a, b] = await startNodes({ limits: { sessionsPerUser: 2 } })

test('a message, its read mark and its unread count cross nodes', async () => {
  const ada = await startClient(a.url, await startOf('ada'))
  const bob = await startClient(b.url, await startOf('bob'))
  ada.send({ type: 'send', id: '1', to: 'bob', body: 'hello' })
  assert.equal((await bob.next('message'))['body'], 'hello')
  assert.equal((await ada.next('sent'))['id'], '1')
  const other = await startClient(a.url, await startOf('bob'))
  assert.equal(other.started['unread'], 1)
  bob.send({ type: 'read', epoch: bob.started['epoch'], offset: 1 })
  assert.equal((await other.next('unread'))['unread'], 0)
})

test('a page learns of a read mark whose event comes after a newer message', async () => {
  const client = createRedisClient({ type: 'single', url })
  const run = client.run.bind(client)
  const held: (() => void)[] = []
  let isHolding = true
  client.run = async (script, input) => {
    const reply = await run(script, input)
    if (script.name === 'inbox-read' && isHolding) await new Promise<void>((resolve) => held.push(resolve))
    return reply
  }
  const prefix = `${randomUUID()}:`
  const here = await startGateway({}, {}, { engine: createSharedEngine({ client: () => client, prefix }) })
  const there = await startGateway({}, { engine: { type: 'redis', url, prefix } })
  const [reader, other] = [
    await startClient(here.url, await startOf('bob')),
    await startClient(here.url, await startOf('bob')),
  ]
  const ada = await startClient(there.url, await startOf('ada'))
  const send = async (id: string): Promise<void> => {
    ada.send({ type: 'send', id, to: 'bob', body: 'hello' })
    for (const bob of [reader, other]) assert.equal((await bob.next('message'))['id'], id)
  }
  await send('1')
  reader.send({ type: 'read', epoch: reader.started['epoch'], offset: 1 })
  await until('the mark is stored', () => held.length, 1)
  await send('2')
  isHolding = false
  for (const release of held) release()
  for (const bob of [reader, other]) {
    const { unread, readOffset } = await bob.next('unread')
    assert.deepEqual({ unread, readOffset }, { unread: 1, readOffset: 1 })
  }
})

test('an answer of the engine that comes after the mark of another gateway takes no count back', async () => {
  const client = createRedisClient({ type: 'single', url })
  const run = client.run.bind(client)
  let release: (() => void) | undefined
  client.run = async (script, input) => {
    const reply = await run(script, input)
    if (script.name === 'peer-read' && !release) await new Promise<void>((resolve) => (release = resolve))
    return reply
  }
  const prefix = `${randomUUID()}:`
  const here = await startGateway({}, {}, { engine: createSharedEngine({ client: () => client, prefix }) })
  const there = await startGateway({}, { engine: { type: 'redis', url, prefix } })
  const reader = await startClient(here.url, await startOf('bob'))
  const other = await startClient(there.url, await startOf('bob'))
  for (const from of ['ada', 'cleo']) {
    const sender = await startClient(there.url, await startOf(from))
    sender.send({ type: 'send', id: from, to: 'bob', body: 'hello' })
    for (const bob of [reader, other]) assert.equal((await bob.next('message'))['id'], from)
  }
  const mark = { type: 'read', epoch: reader.started['epoch'], offset: 2 }
  const unreadOf = async (bob: typeof reader): Promise<unknown> => {
    const { unread, readOffset, unreadWith } = await bob.next('unread')
    return { unread, readOffset, unreadWith }
  }
  other.send({ ...mark, with: 'ada' })
  for (const bob of [reader, other])
    assert.deepEqual(await unreadOf(bob), { unread: 1, readOffset: 0, unreadWith: 0 })
  // This mark changes nothing, so the engine emits no event, and its answer is the reader's.
  reader.send({ ...mark, with: 'ada' })
  await until('Redis has counted', () => release !== undefined)
  other.send({ ...mark, with: 'cleo' })
  for (const bob of [reader, other])
    assert.deepEqual(await unreadOf(bob), { unread: 0, readOffset: 0, unreadWith: 0 })
  release?.()
  assert.deepEqual(await unreadOf(reader), { unread: 0, readOffset: 0, unreadWith: 0 })
})

test('signals and presence cross nodes', async () => {
  const [x, y] = await startNodes({ signals: 'anyone', presence: 'anyone' })
  const ada = await startClient(x.url, await startOf('ada'))
  ada.send({ type: 'watch', users: ['bob', 'nobody'] })
  const onlineOf = async (): Promise<unknown[]> =>
    ((await ada.next('presence'))['users'] as { online: boolean }[]).map(({ online }) => online)
  assert.deepEqual(await onlineOf(), [false, false])
  const [here, there] = [
    await startClient(x.url, await startOf('bob')),
    await startClient(y.url, await startOf('bob')),
  ]
  assert.deepEqual(await onlineOf(), [true])
  for (let n = 0; n < 5; n++) ada.send({ type: 'signal', to: 'bob', name: 'typing', data: { n } })
  for (const bob of [here, there])
    for (let n = 0; n < 5; n++)
      assert.deepEqual(await bob.next('signal'), {
        type: 'signal',
        from: 'ada',
        name: 'typing',
        data: { n },
        ttl: 5_000,
      })
  for (const bob of [here, there]) {
    bob.send({ type: 'end' })
    await bob.closed
  }
  assert.deepEqual(await onlineOf(), [false])
})

test('a session resumes on the other node, and its message is stored once', async () => {
  const start = await startOf('cleo')
  const first = await startClient(a.url, start)
  await startClient(a.url, await startOf('dan'))
  first.send({ type: 'send', id: 'same', to: 'dan', body: 'x' })
  const sent = await first.next('sent')
  const { resumeKey, epoch, sessionId } = first.started
  first.close()
  const second = await startClient(b.url, { ...start, resume: { key: resumeKey, epoch, offset: 0 } })
  assert.equal(second.started['resumed'], true)
  assert.equal(second.started['sessionId'], sessionId)
  second.send({ type: 'send', id: 'same', to: 'dan', body: 'x' })
  const { offset, sentAt } = await second.next('sent')
  assert.deepEqual([offset, sentAt], [sent['offset'], sent['sentAt']])
})

test('a connection that still stands is replaced from the other node', async () => {
  const start = await startOf('eve')
  const first = await startClient(a.url, start)
  const { resumeKey, epoch, offset } = first.started
  await startClient(b.url, { ...start, resume: { key: resumeKey, epoch, offset } })
  assert.equal((await first.end()).frame['code'], 'replaced')
})

test('sessionsPerUser counts the sessions of all nodes', async () => {
  const start = await startOf('finn')
  const first = await startClient(a.url, start)
  await startClient(b.url, start)
  await startClient(b.url, start)
  assert.equal((await first.end()).frame['code'], 'too-many-sessions')
})

test('messagesPerSecond counts the messages of all nodes', async () => {
  const [x, y] = await startNodes({ limits: { messagesPerSecond: 2 } })
  const clients = [
    await startClient(x.url, await startOf('ned')),
    await startClient(y.url, await startOf('ned')),
  ]
  const since = performance.now()
  const answers = await Promise.all(
    clients.map(async (client) => {
      for (const id of ['1', '2'])
        client.send({ type: 'send', id, to: client === clients[0] ? 'x' : 'y', body: '' })
      const isAnswer = ({ type }: Frame) => type === 'sent' || type === 'refused'
      await until('both are answered', () => client.frames.filter(isAnswer).length, 2)
      return client.frames.filter(isAnswer)
    }),
  )
  const sent = answers.flat().filter(({ type }) => type === 'sent')
  assert.ok(sent.length >= 2 && sent.length <= 2 * (1 + (performance.now() - since) / 1_000))
  const refused = answers.flat().filter(({ type }) => type === 'refused')
  for (const { code, retryAfter, retryable } of refused) {
    assert.deepEqual([code, retryable], ['rate-limited', true])
    assert.ok(Number(retryAfter) > 0 && Number(retryAfter) <= 1_000)
  }
})

test('REST of one node sees and revokes the sessions of the other', async () => {
  const gus = await startClient(a.url, await startOf('gus'))
  const rest = restOf(b.url)
  const user = await rest('GET', '/users/gus')
  assert.deepEqual([field(user, 'online'), field(user, 'sessions')], [true, 1])
  await rest('DELETE', '/users/gus/sessions?mode=reauth')
  assert.equal((await gus.next('renewed'))['reauth'], true)
  await rest('DELETE', '/users/gus/sessions')
  assert.equal((await gus.end()).frame['code'], 'revoked')
})

test('tokens, sessions and whole apps are revoked across nodes', async () => {
  const [x, y] = await startNodes()
  const rest = restOf(y.url)
  const token = await tokenFor('hal')
  const [, claims = ''] = token.split('.')
  const { jti } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { jti: string }
  const hal = await startClient(x.url, { type: 'start', appId, token })
  await rest('DELETE', `/tokens/${jti}`)
  assert.equal((await hal.end()).frame['code'], 'revoked')
  const ida = await startClient(x.url, await startOf('ida'))
  await rest('DELETE', `/users/ida/sessions/${String(ida.started['sessionId'])}`)
  assert.equal((await ida.end()).frame['code'], 'revoked')
  const jan = await startClient(x.url, await startOf('jan'))
  await rest('DELETE', '/sessions')
  assert.equal((await jan.end()).frame['code'], 'revoked')
})

test('a profile that REST changes reaches a session of the other node', async () => {
  const kim = await startClient(a.url, await startOf('kim'))
  await restOf(b.url)('PUT', '/users/kim', { name: 'Kim' })
  assert.deepEqual((await kim.next('user'))['user'], { id: 'kim', name: 'Kim' })
})

test('the log tells appendfsync and never the password', () => {
  const lines = [...a.lines, ...b.lines].join('')
  assert.match(lines, /"appendfsync":"off"/)
  assert.ok(!lines.includes('a-password-that-no-line-may-show'))
})

test('while Redis is away sends are unavailable and no session ends; all recovers by itself', async () => {
  const lee = await startClient(a.url, await startOf('lee'))
  const mia = await startClient(b.url, await startOf('mia'))
  const readyz = async (): Promise<number> => (await fetch(`${a.url}/readyz`)).status
  assert.equal(await readyz(), 200)
  server.pause()
  try {
    lee.send({ type: 'send', id: 'away', to: 'mia', body: 'x' })
    const refused = await lee.next('refused')
    assert.equal(refused['code'], 'unavailable')
    assert.equal(typeof refused['retryAfter'], 'number')
    await until('readyz says so', async () => (await readyz()) === 503)
  } finally {
    server.resume()
  }
  await until('the gateway is ready again', async () => (await readyz()) === 200)
  await until('a send is stored', async () => {
    lee.send({ type: 'send', id: 'away', to: 'mia', body: 'x' })
    return (await lee.next()).type === 'sent'
  })
  assert.equal((await mia.next('message'))['id'], 'away')
  assert.equal(mia.frames.filter(({ type }) => type === 'message').length, 1)
})
