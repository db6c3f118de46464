// What the window knows of conversations and threads, as plain data: one case a line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conversationOf, introduced, listed, marked, sorted } from '../../src/window/model/conversations.js'
import { chunksOf, itemsOf, type Item } from '../../src/window/model/items.js'
import { emptyModel, threadOf, type Model, type Outgoing } from '../../src/window/model/model.js'
import { statusOf, type Situation, type Status } from '../../src/window/model/status.js'
import * as threads from '../../src/window/model/thread.js'
import type { Message, Peer } from '../../src/window/types.js'

const NOON = Date.UTC(2026, 0, 5, 12)
const me = 'me'

/** A message from `ann`, or to her, at an offset. */
const message = (offset: number, from: string | null = 'ann', more: Partial<Message> = {}): Message => ({
  ...{ id: `m${offset}`, offset, from, to: from === me ? 'ann' : me, sender: null, body: `${offset}` },
  sentAt: NOON + offset,
  ...more,
})

const peer = (id: string, newest: Message, more: Partial<Peer> = {}): Peer => ({
  ...{ id, name: null, photoUrl: null, unread: 0, readOffset: 0, newest },
  ...more,
})

const outgoing = (id: string, more: Partial<Outgoing> = {}): Outgoing => ({
  ...{ id, to: 'ann', body: id, sentAt: NOON + 100 },
  ...more,
})

const receive = (model: Model, ...messages: Message[]): Model =>
  messages.reduce((before, each) => threads.received(before, each, false), model)

const opened = threads.opened(emptyModel(me), 'ann')
const offsetsOf = (model: Model): number[] => threadOf(model, 'ann').messages.map(({ offset }) => offset)
const itemsIn = (model: Model, dayOf: (time: number) => string = () => 'today'): Item[] =>
  itemsOf(threadOf(model, 'ann'), me, dayOf, () => true)
const idsOf = (model: Model): string[] => threadOf(model, 'ann').outgoing.map(({ id }) => id)

const statuses: [Status, Partial<Situation>][] = [
  ['logged-out', { state: null }],
  ['logged-out', { state: 'idle' }],
  ['logged-out', { state: 'ended', hasData: true }],
  ['logged-out', { state: 'failed', hasError: true }],
  ['loading', { state: undefined }],
  ['offline', { state: undefined, isOnline: false }],
  ['loading', { state: 'starting' }],
  ['offline', { state: 'starting', hasError: true }],
  ['offline', { state: 'starting', isOnline: false }],
  ['offline', { state: 'reconnecting', hasData: true }],
  ['loading', { state: 'active' }],
  ['ready', { state: 'active', hasData: true }],
  ['offline', { state: 'active', hasData: true, isOnline: false }],
  ['offline', { state: 'active', hasError: true }],
]
for (const [expected, given] of statuses)
  test(`the status is ${expected} if ${JSON.stringify({ state: String(given.state), ...given })}`, () => {
    const situation: Situation = {
      state: undefined,
      hasError: false,
      isOnline: true,
      hasData: false,
      ...given,
    }
    assert.equal(statusOf(situation), expected)
  })

test('messages stand in the order of their offsets, each once, whatever the order in which they come', () => {
  const model = receive(opened, message(3), message(1), message(2), message(3))
  assert.deepEqual(offsetsOf(model), [1, 2, 3])
  assert.deepEqual(offsetsOf(threads.loaded(model, 'ann', [message(1), message(2)], 50)), [1, 2, 3])
})

test('the history has older messages if it is as long as was asked for', () => {
  assert.equal(threadOf(threads.loaded(opened, 'ann', [message(1)], 2), 'ann').hasOlder, false)
  assert.equal(threadOf(threads.loaded(opened, 'ann', [message(1), message(2)], 2), 'ann').hasOlder, true)
})

test('a message of a thread that was never opened is in the list alone', () => {
  const model = receive(emptyModel(me), message(1))
  assert.equal(model.threads.size, 0)
  assert.equal(conversationOf(model, 'ann').newest?.offset, 1)
})

test('an own message waits after the stored ones, and is one message when it is stored, told by either way', () => {
  const waiting = threads.queued(receive(opened, message(1)), outgoing('mine'))
  assert.deepEqual([offsetsOf(waiting), idsOf(waiting)], [[1], ['mine']])
  const copy = message(2, me, { id: 'mine' })
  const byAnswer = threads.stored(waiting, outgoing('mine'), { offset: 2, sentAt: NOON })
  const byCopy = threads.received(waiting, copy, false)
  for (const model of [
    byAnswer,
    byCopy,
    threads.received(byAnswer, copy, false),
    threads.stored(byCopy, outgoing('mine'), { offset: 2, sentAt: NOON }),
  ])
    assert.deepEqual([offsetsOf(model), idsOf(model)], [[1, 2], []])
})

test('a message of another with the id of an own one does not count as its copy', () => {
  const model = receive(threads.queued(opened, outgoing('same')), message(1, 'ann', { id: 'same' }))
  assert.deepEqual(idsOf(model), ['same'])
})

test('a message that failed keeps its reason until it is sent again', () => {
  const failed = threads.failed(threads.queued(opened, outgoing('a')), 'ann', 'a', 'refused')
  assert.deepEqual(
    threadOf(failed, 'ann').outgoing.map(({ failure }) => failure),
    ['refused'],
  )
  assert.equal(threadOf(threads.queued(failed, outgoing('a')), 'ann').outgoing[0]?.failure, undefined)
})

test('what comes is unread, and what is marked is not', () => {
  const model = receive(opened, message(1), message(2, me), message(3))
  assert.equal(conversationOf(model, 'ann').unread, 2)
  assert.equal(conversationOf(marked(model, 'ann', 3), 'ann').unread, 0)
  assert.equal(conversationOf(receive(marked(model, 'ann', 3), message(4)), 'ann').unread, 1)
  const read = marked(model, 'ann', 3)
  assert.equal(marked(read, 'ann', 2), read, 'a mark never goes back')
})

test('the line “new” stands where reading stopped, and goes when the user writes', () => {
  const kinds = (model: Model): string[] =>
    itemsIn(model).map((item: Item) => (item.kind === 'message' ? item.message.id : item.kind))
  const read = marked(threads.received(opened, message(1), true), 'ann', 1)
  const back = threads.opened(receive(threads.closed(read, 'ann'), message(2), message(3)), 'ann')
  assert.deepEqual(kinds(back), ['day', 'm1', 'new', 'm2', 'm3'])
  assert.deepEqual(kinds(threads.queued(back, outgoing('a'))), ['day', 'm1', 'm2', 'm3', 'a'])
  assert.deepEqual(kinds(threads.received(read, message(2), true)), ['day', 'm1', 'm2'], 'seen at once')
  assert.deepEqual(kinds(threads.received(read, message(2), false)), ['day', 'm1', 'new', 'm2'])
})

test('messages of one author within five minutes are a group, in which each own one keeps its key', () => {
  const model = receive(
    opened,
    message(1, me),
    message(2, me),
    message(3, 'ann', { sentAt: NOON + 3 }),
    message(4, 'ann', { sentAt: NOON + 600_000 }),
  )
  const items = itemsIn(model)
  const groups = items.flatMap((item) => (item.kind === 'message' ? [[item.isFirst, item.isLast]] : []))
  assert.deepEqual(groups, [
    [true, false],
    [false, true],
    [true, true],
    [true, true],
  ])
  assert.equal(new Set(items.map(({ key }) => key)).size, items.length)
  const waiting = threads.queued(opened, outgoing('a'))
  const keyOf = (each: Model): string | undefined => itemsIn(each).at(-1)?.key
  assert.equal(keyOf(waiting), keyOf(threads.stored(waiting, outgoing('a'), { offset: 9, sentAt: NOON })))
})

test('a message stays in its chunk when others are put above and below, and a line is with the message below it', () => {
  const many = (from: number, count: number): Message[] =>
    Array.from({ length: count }, (_, index) => message(from + index))
  const chunks = (model: Model): Map<string, number> => {
    const items = itemsIn(model)
    const all = chunksOf(items, threadOf(model, 'ann').startOffset)
    assert.deepEqual(
      all.flatMap((chunk) => chunk.items),
      items,
      'none is lost, and all are in order',
    )
    for (const { items } of all) assert.equal(items.at(-1)?.kind, 'message')
    return new Map(all.flatMap(({ key, items }) => items.map((item) => [item.key, key])))
  }
  const first = threads.loaded(opened, 'ann', many(101, 50), 50)
  const waiting = threads.queued(first, outgoing('a'))
  const more = threads.loaded(receive(waiting, ...many(151, 30)), 'ann', many(40, 61), 61)
  const stored = threads.stored(more, outgoing('a'), { offset: 200, sentAt: NOON + 200 })
  let before = chunks(first)
  for (const model of [waiting, more, stored]) {
    const after = chunks(model)
    for (const [key, chunk] of before) if (key.startsWith('offset')) assert.equal(after.get(key), chunk, key)
    before = after
  }
  assert.equal(chunks(stored).get('own a'), chunks(more).get('own a'), 'an own one, when it is stored')
  assert.ok(new Set(before.values()).size > 4, 'no chunk has all of them')
})

test('each day has a line', () => {
  const model = receive(opened, message(1, me), message(2, me, { sentAt: NOON + 86_400_000 }))
  const items = itemsIn(model, (time) => new Date(time).toDateString())
  assert.deepEqual(
    items.map(({ kind }) => kind),
    ['day', 'message', 'day', 'message'],
  )
})

test('the list is sorted by the newest message, and one that was just opened is on top', () => {
  const model = listed(
    emptyModel(me),
    [peer('ann', message(5)), peer('bob', message(2, 'bob'), { name: 'Bob' })],
    undefined,
  )
  const order = (each: Model, search = ''): unknown[] =>
    sorted(each, search, ({ id, name }) => name ?? String(id)).map(({ id }) => id)
  assert.deepEqual(order(model), ['ann', 'bob'])
  assert.deepEqual(order(receive(model, message(6, 'bob'))), ['bob', 'ann'])
  assert.deepEqual(order(introduced(model, 'cy', 'Cy')), ['cy', 'ann', 'bob'])
  assert.deepEqual(order(model, ' BO '), ['bob'])
})

test('an answer that is older than what has come meanwhile takes nothing back', () => {
  const ahead = receive(listed(emptyModel(me), [peer('ann', message(1))], undefined), message(2))
  const late = listed(ahead, [peer('ann', message(1), { name: 'Ann' })], undefined)
  const { newest, unread, name } = conversationOf(late, 'ann')
  assert.deepEqual([newest?.offset, unread, name], [2, 1, 'Ann'])
  const read = marked(late, 'ann', 2)
  assert.equal(
    conversationOf(listed(read, [peer('ann', message(2), { unread: 1 })], undefined), 'ann').unread,
    0,
  )
})

test('a conversation that the gateway no longer has goes, and one beyond the loaded part stays', () => {
  const before = listed(
    emptyModel(me),
    [peer('ann', message(9)), peer('bob', message(5, 'bob')), peer('cy', message(2, 'cy'))],
    undefined,
  )
  const ids = (model: Model): unknown[] => [...model.conversations.keys()].sort()
  assert.deepEqual(ids(listed(before, [peer('ann', message(9))], undefined)), ['ann'])
  assert.deepEqual(ids(listed(before, [peer('ann', message(9))], { epoch: 'e', offset: 4 })), ['ann', 'cy'])
})

test('a message of the one who types ends the typing, and no other message does', () => {
  const until = (model: Model): number | undefined => model.typing.get('ann')
  const typing = threads.typed(opened, 'ann', NOON)
  assert.equal(until(typing), NOON)
  assert.equal(until(threads.typed(typing, 'ann', NOON + 1)), NOON + 1)
  assert.equal(until(receive(typing, message(1))), 0)
  assert.equal(until(receive(typing, message(1, me))), NOON)
})

test('a lost inbox takes away what was stored, and keeps what waits', () => {
  const model = threads.lost(threads.queued(receive(opened, message(1)), outgoing('a')))
  assert.deepEqual(
    [offsetsOf(model), idsOf(model), model.conversations.size, model.isListed],
    [[], ['a'], 0, false],
  )
})
