import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine } from '../../../../src/engine/index.js'
import { startGateway } from '../../../support/gateway.js'
import {
  field,
  onBothEngines,
  restOf,
  statusAndCode,
  type RestAnswer,
} from '../../../support/rest/rest-calls.js'

const offsetsIn = (answer: RestAnswer): unknown[] =>
  (field(answer, 'messages') as { offset: number }[]).map(({ offset }) => offset)

const peersIn = (answer: RestAnswer): unknown[] =>
  (field(answer, 'peers') as Record<string, unknown>[]).map(({ id, unread, readOffset }) => [
    id,
    unread,
    readOffset,
  ])

for (const { url, on } of await onBothEngines()) {
  const rest = restOf(url)
  /** Ann's messages: 1, 4 and 7 are from Bob, 2, 5 and 8 from the backend, 3, 6 and 9 to Bob. */
  const fill = async (ann: string): Promise<string> => {
    for (let n = 0; n < 3; n++) {
      await rest('POST', `/users/${ann}/messages`, { from: 'bob', body: 'from Bob' })
      await rest('POST', `/users/${ann}/messages`, { body: 'from the backend' })
      await rest('POST', '/users/bob/messages', { from: ann, body: 'to Bob' })
    }
    return field(await rest('GET', `/users/${ann}`), 'inbox', 'epoch') as string
  }

  test(`the peers of a user are listed in pages ${on}`, async () => {
    const epoch = await fill('ann-1')
    const first = await rest('GET', '/users/ann-1/peers?limit=1')
    assert.deepEqual([peersIn(first), field(first, 'next')], [[['bob', 3, 0]], `${epoch}/9`])
    assert.equal(field(first, 'peers', 0, 'newest', 'body'), 'to Bob')
    const second = await rest('GET', `/users/ann-1/peers?before=${epoch}/9`)
    assert.deepEqual([peersIn(second), field(second, 'next')], [[[null, 3, 0]], undefined])
    for (const [query, status] of [
      ['before=other/9', 409],
      ['before=9', 400],
      [`before=${epoch}/x`, 400],
      [`before=${epoch}/9007199254740993`, 400],
      ['limit=0', 400],
      ['limit=101', 400],
    ] as const)
      assert.equal((await rest('GET', `/users/ann-1/peers?${query}`)).status, status, query)
    assert.deepEqual(statusAndCode(await rest('GET', '/users/nobody/peers')), [404, 'unknown-user'])
  })

  test(`the messages with a peer are listed, and say from where a page goes on live ${on}`, async () => {
    const epoch = await fill('ann-2')
    const list = (query: string): Promise<RestAnswer> => rest('GET', `/users/ann-2/messages?${query}`)
    const newest = await list('with=bob&limit=2')
    assert.deepEqual([offsetsIn(newest), field(newest, 'since')], [[7, 9], `${epoch}/9`])
    const cursor = field(newest, 'next') as string
    for (const query of [`cursor=${cursor}`, `cursor=${cursor}&with=bob`]) {
      const older = await list(query)
      assert.deepEqual(offsetsIn(older), [1, 3, 4, 6])
      assert.deepEqual([field(older, 'next'), field(older, 'since')], [undefined, undefined])
    }
    assert.deepEqual(statusAndCode(await list(`cursor=${cursor}&with=ann`)), [400, 'bad-request'])
    const backend = await list('with=')
    // The newest message of the backend is 8, and the page shows the inbox up to 9.
    assert.deepEqual([offsetsIn(backend), field(backend, 'since')], [[2, 5, 8], `${epoch}/9`])
    const after = await list('with=bob&after=1&limit=2')
    assert.deepEqual([offsetsIn(after), field(after, 'since')], [[3, 4], undefined])
    const rest2 = await list(`cursor=${field(after, 'next') as string}`)
    assert.deepEqual(
      [offsetsIn(rest2), field(rest2, 'next'), field(rest2, 'since')],
      [[6, 7, 9], undefined, `${epoch}/9`],
    )
    const before = await list('with=&before=9')
    assert.deepEqual([offsetsIn(before), field(before, 'since')], [[2, 5, 8], `${epoch}/9`])
    const none = await list('with=nobody')
    assert.deepEqual([offsetsIn(none), field(none, 'since')], [[], `${epoch}/9`])
    assert.deepEqual(statusAndCode(await list('with=..')), [400, 'bad-request'])
  })

  test(`the messages of a peer are marked as read ${on}`, async () => {
    const epoch = await fill('ann-3')
    const read = (body: object): Promise<RestAnswer> => rest('POST', '/users/ann-3/read', body)
    const inbox = { epoch, offset: 9, readOffset: 0 }
    const bob = await read({ epoch, offset: 4, with: 'bob' })
    assert.deepEqual(bob.body, { ...inbox, unread: 4, with: 'bob', unreadWith: 1, readOffsetWith: 4 })
    const backend = await read({ epoch, offset: 100, with: null })
    assert.deepEqual(backend.body, { ...inbox, unread: 1, with: null, unreadWith: 0, readOffsetWith: 9 })
    assert.deepEqual(peersIn(await rest('GET', '/users/ann-3/peers')), [
      ['bob', 1, 4],
      [null, 0, 9],
    ])
    assert.equal(field(await rest('GET', '/users/ann-3'), 'inbox', 'unread'), 1)
    const status = await rest('POST', '/users:status', { users: ['ann-3'] })
    assert.equal(field(status, 'users', 0, 'unread'), 1)
    const all = await read({ epoch, offset: 9 })
    assert.deepEqual(all.body, { ...inbox, readOffset: 9, unread: 0 })
    assert.deepEqual(statusAndCode(await read({ epoch: 'x', offset: 1, with: 'bob' })), [409, 'conflict'])
    assert.deepEqual(statusAndCode(await read({ epoch, offset: 1, with: '' })), [400, 'bad-request'])
  })
}

test('the position of a page with a peer is not after a message that comes while the page is read', async () => {
  const engine = createMemoryEngine()
  const { url } = await startGateway({}, {}, { engine })
  const rest = restOf(url)
  await rest('POST', '/users/ann/messages', { from: 'bob', body: 'first' })
  const messagesWith = engine.messagesWith.bind(engine)
  engine.messagesWith = async (...args) => {
    const page = await messagesWith(...args)
    engine.messagesWith = messagesWith
    await rest('POST', '/users/ann/messages', { from: 'bob', body: 'second' })
    return page
  }
  const page = await rest('GET', '/users/ann/messages?with=bob&before=100')
  const epoch = field(page, 'epoch') as string
  assert.deepEqual([offsetsIn(page), field(page, 'since')], [[1], `${epoch}/1`])
})
