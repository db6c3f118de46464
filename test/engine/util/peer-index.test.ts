import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { directionOf, directions } from '../../../src/engine/decide/messages/inbox.js'
import { PeerIndex } from '../../../src/engine/util/peer-index.js'
import { createRandom, seed } from '../../support/seeded-random.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const liveBytes = (): number => {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

interface Kept {
  offset: number
  from: string | null
  to: string
  isRead: boolean
}

const peers = ['me', 'a', 'b', 'c', null] as const
const peerOf = ({ from, to }: Kept): string | null => (from === 'me' ? to : from)

void describe('an index of peers', () => {
  void it(`answers as a search of the messages does (FAULT_SEED=${seed})`, () => {
    const random = createRandom(seed)
    const pick = (count: number): number => Math.floor(random() * count)
    const index = new PeerIndex('me')
    let kept: Kept[] = []
    for (let offset = 1, step = 0; step < 3_000; step++) {
      const peer = peers[pick(peers.length)] ?? null
      if (random() < 0.7) {
        const isSent = peer === 'me' || (peer !== null && random() < 0.3)
        // Some offsets have no message.
        offset += random() < 0.1 ? 1 + pick(5) : 1
        const message = {
          offset,
          isRead: random() < 0.2,
          ...(isSent ? { from: 'me', to: peer } : { from: peer, to: 'me' }),
        }
        kept.push(message)
        index.add(offset, peerOf(message), directionOf('me', message.from, message.isRead))
      } else if (random() < 0.3) {
        const first = random() < 0.02 ? offset + 1 : (kept[pick(10)]?.offset ?? 1)
        kept = kept.filter((message) => message.offset >= first)
        index.forgetBefore(first)
      }
      const ofPeer = kept.filter((message) => peerOf(message) === peer)
      const sent = ofPeer.some(({ from }) => from === 'me')
      const received = ofPeer.some(({ from, to }) => from !== 'me' || to === 'me')
      assert.deepEqual(index.exchange(peer), { received, sent })
      assert.equal(index.get(peer)?.newest, ofPeer.at(-1)?.offset)

      const [before, limit] = [pick(offset + 5), 1 + pick(5)]
      const newest = peers.flatMap((id) => kept.findLast((message) => peerOf(message) === id)?.offset ?? [])
      assert.deepEqual(
        index.newestBefore(before, limit).map((each) => each.newest),
        newest
          .filter((each) => each < before)
          .sort((a, b) => b - a)
          .slice(0, limit),
      )
      const offsets = ofPeer.map((message) => message.offset)
      const [after, until] = [
        offsets.filter((each) => each > before),
        offsets.filter((each) => each < before),
      ]
      assert.deepEqual(index.pageOf(peer, { after: before }, limit), {
        offsets: after.slice(0, limit),
        next: after.length > limit ? after[limit - 1] : null,
      })
      assert.deepEqual(index.pageOf(peer, { before }, limit), {
        offsets: until.slice(-limit),
        next: until.length > limit ? until.at(-limit) : null,
      })
      assert.deepEqual(index.pageOf(peer, { before: null }, limit).offsets, offsets.slice(-limit))

      const unmarked = kept.filter(({ from, isRead, offset }) => from !== 'me' && !isRead && offset > before)
      assert.deepEqual(
        index.receivedAfter(before),
        unmarked.map(({ offset, from }) => ({ offset, peer: from })),
      )
    }
  })

  void it('forgets peers without messages, so that it does not grow', () => {
    const index = new PeerIndex('me')
    for (let offset = 1; offset <= 100_000; offset++) {
      index.add(offset, `peer ${offset}`, directions.received)
      index.forgetBefore(offset - 9)
    }
    assert.deepEqual(index.newestBefore(Infinity, 100).length, 10)
    assert.ok(index.bytes < 10_000, `it takes ${index.bytes} bytes`)
  })

  for (const { what, count, messages, idOf } of [
    { what: 'one message', count: 4_000, messages: 1, idOf: (n: number) => `peer ${n}` },
    { what: 'many peers', count: 40, messages: 1_000, idOf: (n: number) => `peer ${n}` },
    { what: 'long ids', count: 40, messages: 1_000, idOf: (n: number) => `peer ${n}`.padEnd(128, 'ж') },
  ])
    void it(`says about how many bytes it takes: ${what}`, () => {
      const make = (owner: number): PeerIndex => {
        const index = new PeerIndex('me')
        for (let offset = 1; offset <= messages; offset++)
          // A text that was joined of others would share their memory.
          index.add(offset, Buffer.from(idOf(owner * messages + offset)).toString(), directions.received)
        return index
      }
      make(0)
      const before = liveBytes()
      const indexes = Array.from({ length: count }, (_, owner) => make(owner))
      const real = (liveBytes() - before) / count
      const ratio = real / (indexes[0]?.bytes ?? 0)
      assert.ok(ratio > 0.5 && ratio < 1.5, `${real} bytes`)
    })
})
