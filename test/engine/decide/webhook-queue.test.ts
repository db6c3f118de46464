import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  afterEnd,
  afterFailure,
  cancelledBy,
  countingDrops,
  droppedData,
  EMPTY_QUEUE,
  fateOf,
  replayed,
  withChanged,
  withEvent,
  withoutPresence,
  withReplayed,
  type Queue,
} from '../../../src/engine/decide/webhooks/queue.js'
import type { WebhookEvent } from '../../../src/engine/webhook-events.js'

type Type = WebhookEvent['type']

const now = { run: 2, dueAt: 70 }
const event = (seq: number, type: Type, online: boolean | null = true) => ({
  ...{ seq, type, data: online === null ? {} : { online } },
})
const limits = { user: { events: 9, bytes: 900 }, app: { events: 20, bytes: 2_000 } }
const fewOfApp = { count: 9, bytes: 900 }

/** A queue of events from number 1 on, each of 10 bytes, all due at 50. */
const queueOf = (...types: Type[]): Queue =>
  types.reduce(
    (queue, type, n) =>
      withEvent(queue, event(n + 1, type, type !== 'user.offline'), 10, { run: 1, dueAt: 50 }),
    EMPTY_QUEUE,
  )
const messages = (count: number): Type[] => Array<Type>(count).fill('message.created')

void describe('a new webhook event', () => {
  const behind = queueOf(...messages(5), 'user.offline', ...messages(2))
  const cancelled: [
    what: string,
    queue: Queue,
    event: ReturnType<typeof event>,
    expected: number | undefined,
  ][] = [
    ['cancels none of an empty queue', EMPTY_QUEUE, event(9, 'user.online'), undefined],
    [
      'cancels none if the receiver is not behind',
      queueOf(...messages(6), 'user.offline'),
      event(9, 'user.online'),
      undefined,
    ],
    ['cancels its opposite', queueOf(...messages(7), 'user.offline'), event(9, 'user.online'), 8],
    [
      'cancels none of its own type',
      queueOf(...messages(7), 'user.online'),
      event(9, 'user.online'),
      undefined,
    ],
    [
      'cancels none of an event about something else',
      queueOf(...messages(7), 'user.offline'),
      event(9, 'message.read'),
      undefined,
    ],
    [
      'cancels an earlier one if the newest event tells the same presence',
      behind,
      event(9, 'user.online'),
      6,
    ],
    [
      'cancels none if the newest event would then tell another presence',
      withEvent(behind, event(9, 'message.read', false), 10, now),
      event(10, 'user.online'),
      undefined,
    ],
    [
      'cancels only the newest about presence',
      queueOf(...messages(6), 'user.offline', 'user.online'),
      event(9, 'user.offline', false),
      8,
    ],
    [
      'cancels none that is the oldest',
      queueOf('user.offline', ...messages(7)),
      event(9, 'user.online'),
      undefined,
    ],
  ]
  for (const [what, queue, added, expected] of cancelled)
    void it(what, () => assert.equal(cancelledBy(queue, added)?.seq, expected))

  const fates: [what: string, queue: Queue, app: typeof fewOfApp, expected: string][] = [
    ['is added to an empty queue', EMPTY_QUEUE, fewOfApp, 'added'],
    ['is added up to the number of the user', queueOf(...messages(8)), fewOfApp, 'added'],
    ['is beyond the number of the user', queueOf(...messages(9)), fewOfApp, 'beyond user'],
    ['is added up to the bytes of the user', { ...queueOf('message.read'), bytes: 890 }, fewOfApp, 'added'],
    ['is beyond the bytes of the user', { ...queueOf('message.read'), bytes: 891 }, fewOfApp, 'beyond user'],
    ['is beyond the number of the app', EMPTY_QUEUE, { count: 20, bytes: 0 }, 'beyond app'],
    ['is beyond the bytes of the app', EMPTY_QUEUE, { count: 1, bytes: 1_991 }, 'beyond app'],
  ]
  for (const [what, queue, app, expected] of fates)
    void it(what, () => assert.equal(fateOf(queue, 10, app, limits), expected))

  void it('is added to a queue of any length if there are no limits', () =>
    assert.equal(fateOf(queueOf(...messages(50)), 10, { count: 1e9, bytes: 1e12 }, undefined), 'added'))

  void it('is due at once in an empty queue, and waits in another', () => {
    const queue = withEvent(EMPTY_QUEUE, event(5, 'message.read'), 10, now)
    assert.deepEqual([queue.first, queue.last, queue.run, queue.dueAt], [5, 5, 2, 70])
    const longer = withEvent(queue, event(6, 'message.read'), 20, { run: 3, dueAt: 90 })
    assert.deepEqual(longer, { ...queue, last: 6, count: 2, bytes: 30, change: 6 })
  })

  void it('about presence is the one that may be cancelled, but not as the oldest', () => {
    assert.equal(queueOf('user.offline').presence, null)
    const queue = queueOf('message.read', 'user.offline')
    const presence = { type: 'user.offline' as const, seq: 2, size: 10, previous: 1, before: true, next: 0 }
    assert.deepEqual(queue.presence, presence)
    assert.equal(queue.online, false)
    assert.deepEqual(withoutPresence(queue, presence, 9), { ...queueOf('message.read'), change: 9 })
    const longer = withEvent(queue, event(3, 'message.read'), 10, now)
    assert.deepEqual(longer.presence, { ...presence, next: 3 })
    assert.equal(withEvent(longer, event(4, 'message.read'), 10, now).presence?.next, 3)
    const left = withoutPresence(longer, { ...presence, next: 3 }, 9)
    assert.deepEqual([left.last, left.online, left.count, left.bytes, left.presence], [3, true, 2, 20, null])
  })
})

void describe('a dropped webhook event', () => {
  const cases: [what: string, queue: Queue, expected: number][] = [
    ['counts in a new event of an empty queue', EMPTY_QUEUE, 0],
    ['counts in the newest event', queueOf('message.read', 'events.dropped'), 2],
    ['counts in a new event if the newest is of another type', queueOf('message.read'), 0],
    [
      'counts in a new event if others came since',
      queueOf('message.read', 'events.dropped', 'message.read'),
      0,
    ],
    ['counts in a new event if the newest is the oldest, too', queueOf('events.dropped'), 0],
  ]
  for (const [what, queue, expected] of cases)
    void it(what, () => assert.equal(countingDrops(queue), expected))

  void it('is counted by its type, with the newest state', () => {
    const data = droppedData({}, 'message.read', { online: true })
    assert.deepEqual(data, { dropped: { 'message.read': 1 }, online: true })
    const again = droppedData(droppedData(data, 'message.read', {}), 'user.online', { online: false })
    assert.deepEqual(again, { dropped: { 'message.read': 2, 'user.online': 1 }, online: false })
    const queue = queueOf('message.read', 'events.dropped')
    const changed = withChanged(queue, event(2, 'events.dropped', false), 7)
    assert.deepEqual(changed, { ...queue, bytes: 27, online: false })
  })
})

void describe('a webhook delivery', () => {
  const row = { event: {} as WebhookEvent, attempts: 1, lastError: null }
  void it('that fails counts as an attempt, until the event is replayed', () => {
    const failed = afterFailure(row, 'gone')
    assert.deepEqual([failed.attempts, failed.lastError], [2, 'gone'])
    assert.deepEqual(replayed(failed), { ...row, attempts: 0 })
  })

  void it('makes the next event the oldest, which is due at once', () => {
    const queue = queueOf('message.read', 'message.created', 'user.offline')
    const next = afterEnd(queue, 10, 2, now)
    assert.deepEqual(next, { ...queue, ...now, first: 2, count: 2, bytes: 20 })
    assert.equal(afterEnd(next, 10, 3, now).presence, null)
    assert.equal(afterEnd(queueOf('message.read', 'events.dropped'), 10, 2, now).dropped, 0)
  })

  void it('of the last event leaves an empty queue', () =>
    assert.deepEqual(afterEnd(queueOf('message.read'), 10, undefined, now), EMPTY_QUEUE))
})

void describe('a replayed webhook event', () => {
  const later = { ...queueOf('message.read', 'events.dropped', 'user.online'), first: 3, last: 4, count: 2 }
  const cases: [what: string, queue: Queue, seq: number, expected: Partial<Queue>][] = [
    ['is the oldest of an empty queue', EMPTY_QUEUE, 3, { ...now, first: 3, last: 3, count: 1 }],
    ['goes before later ones, and is due', later, 2, { ...now, first: 2, last: 4, count: 3 }],
    ['waits behind earlier ones', later, 5, { run: 1, dueAt: 50, first: 3, last: 5, count: 3 }],
  ]
  for (const [what, queue, seq, expected] of cases)
    void it(what, () => {
      const after = withReplayed(queue, seq, 10, now)
      assert.deepEqual(after, { ...queue, ...expected, bytes: queue.bytes + 10, presence: null, dropped: 0 })
    })
})
