import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasExpired } from '../../../src/engine/decide/messages/expired.js'
import {
  afterInboxMark,
  afterPeerMark,
  directionOf,
  firstKept,
  isUnread,
  joinedMarks,
  pushesOutOthers,
  unreadCount,
  type Marks,
  type PushedOut,
} from '../../../src/engine/decide/messages/inbox.js'
import { countAfter, offsetsAfter, offsetSetOf } from '../../../src/engine/decide/messages/offset-set.js'
import { peerReadOffset, type PeerMark } from '../../../src/engine/decide/messages/peer-marks.js'
import { exceedsBytes, exceedsShare } from '../../../src/engine/decide/messages/share.js'
import { createRandom } from '../../../src/engine/suite/kit.js'

const { received, read, sent } = { received: 0, read: 1, sent: 2 } as const

const marksOf = (readOffset: number, readUpTo = readOffset, reached?: readonly number[]): Marks => ({
  ...{ readOffset, readUpTo, reached: reached && offsetSetOf(reached) },
})

/** Messages of these peers at the offsets 1, 2, 3 and so on. */
const from = (...peers: string[]) => peers.map((peer, n) => ({ offset: n + 1, peer }))

void describe('a message in an inbox', () => {
  const arrivals: [what: string, from: string | null, isRead: boolean, expected: number][] = [
    ['of someone else is received', 'bob', false, received],
    ['of the backend is received', null, false, received],
    ['that an adopted guest had read counts as read', 'bob', true, read],
    ['of the owner is their own', 'ada', false, sent],
    ['of the owner is their own, though the adopted guest had read it', 'ada', true, sent],
  ]
  for (const [what, from, isRead, expected] of arrivals)
    void it(what, () => assert.equal(directionOf('ada', from, isRead), expected))

  const states: [what: string, marks: Marks, direction: 0 | 1 | 2, expected: boolean][] = [
    ['is unread if no mark is there', marksOf(0), received, true],
    ['is never unread if it is the own one', marksOf(0), sent, false],
    ['is never unread if it came as read', marksOf(0), read, false],
    ["is unread beyond the inbox's mark", marksOf(6), received, true],
    ["is read if the inbox's mark is at it", marksOf(7), received, false],
    ["is read if its peer's mark has reached it", marksOf(2, 3, [7]), received, false],
    ["is unread if its peer's mark has reached others only", marksOf(2, 3, [6, 8]), received, true],
    ['is read if none before it is unread', marksOf(2, 7, []), received, false],
  ]
  for (const [what, marks, direction, expected] of states)
    void it(what, () => assert.equal(isUnread(marks, 7, direction), expected))
})

void describe('the unread count', () => {
  // Every second message was received, up to offset 20.
  const receivedUpTo = (offset: number): number => Math.floor(Math.min(offset, 20) / 2)
  const cases: [what: string, marks: Marks, first: number, expected: number][] = [
    ['has all received messages if none is read', marksOf(0), 1, 10],
    ['has those beyond the mark', marksOf(12), 1, 4],
    ['lacks those that are not kept', marksOf(0), 15, 3],
    ['lacks those that are read or not kept', marksOf(16), 15, 2],
    ["lacks those that peers' marks have reached", marksOf(4, 8, [12, 16]), 1, 4],
    ['lacks once those that are not kept and reached', marksOf(4, 8, [12, 16]), 15, 2],
    ['lacks once those that both marks have reached', marksOf(14, 14, [12, 16]), 1, 2],
    ['is 0 if all are gone', marksOf(0), 21, 0],
  ]
  for (const [what, marks, first, expected] of cases)
    void it(what, () => assert.equal(unreadCount(marks, first, 10, receivedUpTo), expected))
})

void describe('a mark', () => {
  const ofInbox: [what: string, marks: Marks, offset: number, expected: Marks][] = [
    ['moves forward', marksOf(3), 5, marksOf(5)],
    ['does not move back', marksOf(5), 3, marksOf(5)],
    ['moves to where no message is unread', marksOf(3, 9, []), 5, marksOf(5, 9, [])],
    ["keeps what peers' marks have reached", marksOf(3, 3, [8]), 5, marksOf(5, 5, [8])],
  ]
  for (const [what, marks, offset, expected] of ofInbox)
    void it(`of the inbox ${what}`, () => assert.deepEqual(afterInboxMark(marks, offset), expected))

  const ofPeer: [what: string, marks: Marks, peers: string[], target: number, expected: Marks][] = [
    ['reads all if all are of the peer', marksOf(0), ['bob', 'bob'], 2, marksOf(0, 2, [])],
    ['reads none of another', marksOf(0), ['cyd', 'bob', 'cyd'], 3, marksOf(0, 0, [2])],
    ['reads none beyond it', marksOf(0), ['bob', 'bob', 'bob'], 2, marksOf(0, 2, [])],
    ['adds to what others have reached', marksOf(0, 0, [2]), ['bob', 'cyd', 'bob'], 1, marksOf(0, 2, [])],
    [
      'keeps what others have reached',
      marksOf(0, 0, [3]),
      ['dan', 'bob', 'cyd', 'dan'],
      4,
      marksOf(0, 0, [2, 3]),
    ],
  ]
  for (const [what, marks, peers, target, expected] of ofPeer)
    void it(`of a peer ${what}`, () =>
      assert.deepEqual(afterPeerMark(marks, from(...peers), 'bob', target, peers.length), expected))

  const shown: [what: string, readOffset: number, mark: PeerMark | undefined, expected: number][] = [
    ['of a peer without one is that of the inbox', 4, undefined, 4],
    ['of a peer is shown', 4, [8, 9], 8],
    ['of a peer is that of the inbox if this is later', 9, [8, 9], 9],
    ['of a peer ends with the messages before it', 4, [8, 6], 4],
  ]
  for (const [what, readOffset, mark, expected] of shown)
    void it(what, () => assert.equal(peerReadOffset(marksOf(readOffset), mark, 7), expected))

  void it('of the inbox and of peers are joined after a failed write', () => {
    assert.deepEqual(joinedMarks(marksOf(3), marksOf(5)), marksOf(5))
    assert.deepEqual(joinedMarks(marksOf(3, 4, [9]), marksOf(2, 6, [7])), marksOf(3, 6, [7, 9]))
    assert.deepEqual(joinedMarks(marksOf(8), marksOf(2, 4, [7, 11])), marksOf(8, 8, [11]))
  })
})

void describe('retention', () => {
  void it('keeps no message that is as old as it may be', () => {
    assert.equal(hasExpired(10, { ...kept, age: 5 }, 14), false)
    assert.equal(hasExpired(10, { ...kept, age: 5 }, 15), true)
  })

  const kept = { messages: 5, bytes: 100, age: 1 }
  // Each message has 10 bytes.
  const bytesBefore = (offset: number): number => 10 * (offset - 1)
  const cases: [
    what: string,
    first: number,
    newest: number,
    bytes: number,
    deleted: number,
    expected: number,
  ][] = [
    ['keeps all that fit', 1, 5, 50, 0, 1],
    ['keeps the newest messages', 1, 8, 80, 0, 4],
    ['keeps no message again', 7, 8, 80, 0, 7],
    ['keeps what the bytes allow', 1, 5, 120, 0, 3],
    ['counts no bytes of deleted messages', 4, 8, 140, 40, 4],
    ['keeps the newest message, however large it is', 1, 3, 1_000, 0, 3],
  ]
  for (const [what, first, newest, bytes, deleted, expected] of cases)
    void it(what, () => assert.equal(firstKept(first, newest, bytes, deleted, kept, bytesBefore), expected))
})

void describe('a message to a full inbox', () => {
  const pushed = (from: string | null, offset: number, direction: 0 | 1 | 2 = received): PushedOut => ({
    ...{ from, offset, direction, size: 10 },
  })
  const out: [what: string, pushedOut: PushedOut[], expected: boolean][] = [
    ['pushes out none', [], false],
    ["pushes out the sender's own", [pushed('bob', 8)], false],
    ["pushes out the owner's", [pushed('ada', 8, sent)], false],
    ['pushes out what is read', [pushed('cyd', 5), pushed('cyd', 7), pushed('cyd', 8, read)], false],
    ['pushes out an unread one of another', [pushed('bob', 8), pushed('cyd', 9)], true],
    ['pushes out an unread one of the backend', [pushed(null, 8)], true],
  ]
  for (const [what, pushedOut, expected] of out)
    void it(`${what}${expected ? ', which it may not if the sender has too many' : ''}`, () =>
      assert.equal(pushesOutOthers(marksOf(5, 5, [7]), 'bob', pushedOut), expected))

  const shares: [messages: number, bytes: number, expected: boolean][] = [
    [5, 500, false],
    [6, 0, true],
    [0, 501, true],
  ]
  for (const [messages, bytes, expected] of shares)
    void it(`of a sender with ${messages} unread messages of ${bytes} bytes is ${expected ? 'too much' : 'not too much'}`, () =>
      assert.equal(exceedsShare({ messages, bytes }, 0.5, { messages: 10, bytes: 1_000 }), expected))

  const bytes: [
    what: string,
    held: number,
    limit: number | undefined,
    pushedOut: PushedOut[],
    expected: boolean,
  ][] = [
    ['fits if there is no limit', 1e9, undefined, [], false],
    ["fits up to the sender's limit", 80, 100, [], false],
    ["exceeds the sender's limit", 81, 100, [], true],
    ["fits in place of the sender's own", 81, 100, [pushed('bob', 1, read)], false],
    ['does not fit in place of those of others', 81, 100, [pushed('cyd', 1), pushed(null, 2)], true],
  ]
  for (const [what, held, limit, pushedOut, expected] of bytes)
    void it(what, () => assert.equal(exceedsBytes(held, 20, limit, 'bob', pushedOut), expected))
})

void describe('marks in any order', () => {
  void it('are bits that say which offsets are in a set', () => {
    const random = createRandom(2)
    for (let round = 0; round < 200; round++) {
      const base = Math.floor(random() * 50)
      const offsets = Array.from({ length: 40 }, (_, n) => base + n).filter(() => random() < 0.3)
      const set = offsetSetOf(offsets)
      for (let after = -1; after < base + 50; after++) {
        const expected = offsets.filter((offset) => offset > after)
        assert.deepEqual(offsetsAfter(set, after), expected)
        assert.equal(countAfter(set, after), expected.length)
      }
    }
  })
})
