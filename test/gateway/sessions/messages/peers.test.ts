// The peers of an inbox, over real sockets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine } from '../../../../src/engine/index.js'
import { limits } from '../../../../src/protocol/index.js'
import { startGateway } from '../../../support/gateway.js'
import { onBothEngines } from '../../../support/rest/rest-calls.js'
import { startAs, type Frame, type StartedClient } from '../../../support/raw-client.js'
import { tokenFor } from '../../../support/tokens.js'
import { until } from '../../../support/until.js'

const many = { messagesPerSecond: 1_000_000, requestsPerSecond: 1_000_000, bytesPerSecond: 1e9 }

let counter = 0

/** Sends a frame with an id of its own, and resolves with the answer to it. */
const ask = async (client: StartedClient, frame: Frame): Promise<Frame> => {
  const id = `ask ${++counter}`
  client.send({ ...frame, id })
  for (;;) {
    const answer = await client.next()
    if (answer['id'] === id && answer.type !== 'message') return answer
  }
}

const send = async (client: StartedClient, to: string, body = 'Hello'): Promise<number> =>
  (await ask(client, { type: 'send', to, body }))['offset'] as number

const history = async (client: StartedClient, more: object): Promise<[offsets: number[], next: unknown]> => {
  const answer = await ask(client, { type: 'history', epoch: client.started['epoch'], ...more })
  assert.equal(answer.type, 'history', JSON.stringify(answer))
  return [(answer['messages'] as { offset: number }[]).map(({ offset }) => offset), answer['next']]
}

const peersOf = (answer: Frame): Frame[] => {
  assert.equal(answer.type, 'peers', JSON.stringify(answer))
  return answer['peers'] as Frame[]
}

const read = async (client: StartedClient, offset: number, peer?: string | null): Promise<Frame> => {
  client.send({
    ...{ type: 'read', epoch: client.started['epoch'], offset },
    ...(peer !== undefined && { with: peer }),
  })
  for (;;) {
    const answer = await client.next()
    if (answer.type === 'unread' || answer.type === 'refused') return answer
  }
}

const codeOf = (frame: Frame): unknown[] => [frame.type, frame['re'], frame['code']]

for (const { url, on } of await onBothEngines({ limits: many })) {
  test(`the list of peers has names, the newest messages and what is unread, in pages ${on}`, async () => {
    const me = await startAs(url, 'p me')
    assert.ok((me.started['can'] as string[]).includes('peers'))
    assert.deepEqual(peersOf(await ask(me, { type: 'peers' })), [])
    const [ann, bob, cy] = [
      await startAs(url, 'p ann'),
      await startAs(url, 'p bob'),
      await startAs(url, 'p cy'),
    ]
    ann.send({ type: 'profile', user: { name: 'Ann', photoUrl: 'https://example.com/ann.png' } })
    await ann.next('user')
    for (const each of [ann, bob, cy]) await send(each, 'p me')
    await send(me, 'p ann', 'answer')
    const first = await ask(me, { type: 'peers', limit: 2 })
    const [newest, second] = peersOf(first)
    assert.deepEqual(
      { ...newest, newest: (newest?.['newest'] as Frame)['body'] },
      {
        ...{ id: 'p ann', name: 'Ann', photoUrl: 'https://example.com/ann.png', unread: 1, readOffset: 0 },
        newest: 'answer',
      },
    )
    assert.deepEqual([second?.['id'], second?.['name'], second?.['unread']], ['p cy', null, 1])
    assert.deepEqual(first['next'], { epoch: me.started['epoch'], offset: 3 })
    const last = await ask(me, { type: 'peers', before: first['next'] })
    assert.deepEqual([peersOf(last).map(({ id }) => id), last['next']], [['p bob'], undefined])
  })

  test(`the peer with the largest id, profile and message fits into a frame of 64 kB ${on}`, async () => {
    const [mine, theirs] = ['\\', '"'].map((character) => character.repeat(255)) as [string, string]
    const profile = { name: '"'.repeat(1_000), photoUrl: `https://example.com/${'p'.repeat(2_000)}` }
    const me = await startAs(url, mine)
    const token = await tokenFor(theirs, { user: profile })
    const peer = await startAs(url, theirs, { token })
    // JSON has six bytes for each character of this id and body. The first body that is not refused is about the largest.
    let length = 9_700
    const sends = async (): Promise<string> => {
      peer.send({ type: 'send', id: '\u0001'.repeat(64), to: mine, body: '\u0001'.repeat(length) })
      for (;;) {
        const { type } = await peer.next()
        if (type === 'sent' || type === 'refused') return type
      }
    }
    while ((await sends()) === 'refused') length -= 10
    const answer = await ask(me, { type: 'peers' })
    const [largest] = peersOf(answer)
    const { sender, body } = largest?.['newest'] as Frame
    assert.deepEqual([sender, (body as string).length], [profile, length])
    assert.deepEqual([largest?.['name'], largest?.['photoUrl']], [profile.name, profile.photoUrl])
    const bytes = JSON.stringify(answer).length
    assert.ok(bytes <= limits.frame, `${bytes} bytes`)
  })

  test(`frames have the messages that fit, and say where to go on ${on}`, async () => {
    const me = await startAs(url, 'f me')
    const ids = Array.from({ length: 8 }, (_, n) => `f peer ${n}`)
    const body = 'x'.repeat(16_000)
    for (const userId of ids) {
      const peer = await startAs(url, userId)
      for (let n = 0; n < 2; n++) await send(peer, 'f me', body)
      peer.close()
    }
    const found: unknown[] = []
    for (let before: unknown, pages = 0; pages === 0 || before !== undefined; pages++) {
      const answer = await ask(me, { type: 'peers', ...(pages > 0 && { before }) })
      assert.ok(JSON.stringify(answer).length <= limits.frame)
      const page = peersOf(answer)
      assert.ok(page.length > 0 && page.length < 5)
      found.push(...page.map(({ id }) => id))
      before = answer['next']
    }
    assert.deepEqual(found, ids.toReversed())
    for (let n = 0; n < 6; n++) await send(me, 'f peer 0', body)
    const offsets: number[] = []
    for (let next: unknown; ;) {
      const [page, nextPage] = await history(me, {
        with: 'f peer 0',
        ...(next !== undefined && { before: next }),
      })
      offsets.unshift(...page)
      if (nextPage === undefined) break
      assert.equal(nextPage, page[0])
      next = nextPage
    }
    assert.deepEqual(offsets, [1, 2, 17, 18, 19, 20, 21, 22])
  })

  test(`a mark of a peer reads that peer's messages, in every session of the user ${on}`, async () => {
    const [me, ann, bob] = [
      await startAs(url, 'r me'),
      await startAs(url, 'r ann'),
      await startAs(url, 'r bob'),
    ]
    const other = await startAs(url, 'r me')
    for (let n = 0; n < 2; n++) {
      await send(ann, 'r me')
      await send(bob, 'r me')
    }
    const both = { type: 'unread', unread: 3, readOffset: 0, with: 'r ann', unreadWith: 1, readOffsetWith: 2 }
    assert.deepEqual(await read(me, 2, 'r ann'), both)
    assert.deepEqual(await other.next('unread'), both)
    // The mark does not move, so that only the session that asked is told.
    assert.deepEqual(await read(me, 1, 'r ann'), both)
    const two = [read(me, 9, 'r bob'), read(me, 9, null)]
    assert.deepEqual(await two[0], { ...both, unread: 1, with: 'r bob', unreadWith: 0, readOffsetWith: 4 })
    assert.deepEqual(await two[1], { ...both, unread: 1, with: null, unreadWith: 0, readOffsetWith: 0 })
    assert.deepEqual(
      await other.next('unread'),
      await Promise.resolve({ ...both, unread: 1, with: 'r bob', unreadWith: 0, readOffsetWith: 4 }),
    )
    assert.deepEqual(await read(me, 3), { type: 'unread', unread: 0, readOffset: 3 })
    assert.deepEqual(await other.next('unread'), { type: 'unread', unread: 0, readOffset: 3 })
    const again = await startAs(url, 'r me')
    assert.equal(again.started['unread'], 0)
  })

  test(`a bad question is refused, and the session goes on ${on}`, async () => {
    const me = await startAs(url, 'b me')
    const epoch = me.started['epoch'] as string
    for (const limit of [0, 101])
      assert.deepEqual(codeOf(await ask(me, { type: 'peers', limit })), ['refused', 'peers', 'bad-request'])
    const other = { epoch: 'another', offset: 1 }
    assert.deepEqual(codeOf(await ask(me, { type: 'peers', before: other })), [
      'refused',
      'peers',
      'conflict',
    ])
    for (const peer of ['', '..', 'x'.repeat(256), 'a\u0000b']) {
      const answer = await ask(me, { type: 'history', epoch, with: peer })
      assert.deepEqual(codeOf(answer), ['refused', 'history', 'bad-request'])
      assert.deepEqual(codeOf(await read(me, 1, peer)), ['refused', 'read', 'bad-request'])
    }
    const past = await ask(me, { type: 'history', epoch: 'another', with: 'ann' })
    assert.deepEqual(codeOf(past), ['refused', 'history', 'conflict'])
    assert.deepEqual(peersOf(await ask(me, { type: 'peers' })), [])
    me.send({ type: 'peers', id: 'x', limit: 'many' })
    assert.equal((await me.end()).frame['code'], 'bad-request')
  })
}

test('a `read` whose answer waits for messages counts among the 100 frames that may wait', async () => {
  const engine = createMemoryEngine()
  const { gateway, url } = await startGateway({ limits: many }, {}, { engine })
  await gateway.publish({ appId: 'app', to: 'ada', body: 'Hello' })
  const { epoch } = await engine.inbox({ appId: 'app', userId: 'ada' })
  const { messagesAfter, markPeerRead } = engine
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  engine.messagesAfter = async (of, position, limit) => {
    // A start itself reads one message.
    if (limit > 1) await opened
    return messagesAfter.call(engine, of, position, limit)
  }
  let marked = 0
  engine.markPeerRead = (...call) => markPeerRead.apply(engine, call).finally(() => marked++)

  const client = await startAs(url, 'ada', { since: { epoch, offset: 0 } })
  const readOf = (peer: number): Frame => ({ type: 'read', epoch, offset: 1, with: `peer ${peer}` })
  for (let peer = 0; peer < 100; peer++) client.send(readOf(peer))
  await until('all are marked', () => marked, 100)
  client.send(readOf(100))
  assert.deepEqual(codeOf(await client.next()), ['refused', 'read', 'rate-limited'])
  open()
  assert.equal((await client.next()).type, 'message')
  for (let peer = 0; peer < 100; peer++) assert.equal((await client.next('unread'))['with'], `peer ${peer}`)
  client.send(readOf(100))
  assert.equal((await client.next('unread'))['with'], 'peer 100')
})

test('a client that reads so slowly that too many read marks of other pages wait for it is disconnected', async () => {
  const engine = createMemoryEngine()
  const { gateway, url } = await startGateway({ limits: many }, {}, { engine })
  const ada = { appId: 'app', userId: 'ada' }
  const { messagesAfter } = engine
  // A start reads one message. The messages that follow `started` never come.
  engine.messagesAfter = (of, position, limit) =>
    limit > 1 ? new Promise(() => undefined) : messagesAfter.call(engine, of, position, limit)
  const receiveAndRead = async (peer: string): Promise<void> => {
    const { offset } = await gateway.publish({ appId: 'app', to: 'ada', from: peer, body: 'Hello' })
    const { epoch } = await engine.inbox(ada)
    await engine.markPeerRead(ada, peer, { epoch, offset })
  }
  await receiveAndRead('peer 0')
  const { epoch } = await engine.inbox(ada)
  const client = await startAs(url, 'ada', { since: { epoch, offset: 0 } })
  for (let peer = 1; peer <= 1_000; peer++) await receiveAndRead(`peer ${peer}`)
  client.send({ type: 'watch', users: [] })
  assert.equal((await client.next()).type, 'presence')
  await receiveAndRead('peer 1001')
  assert.equal((await client.end()).frame['code'], 'unavailable')
})
