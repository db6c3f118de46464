import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  fitting,
  isAdoptedBy,
  mayAdopt,
  type Adopter,
  type Proof,
} from '../../../src/engine/decide/adoption/adoption.js'

void describe('a guest', () => {
  const guests: [what: string, createdAt: number | undefined, proof: Proof, expected: boolean][] = [
    ['may be adopted by the backend', 5, null, true],
    ['may be adopted by whoever was this guest', 5, { createdAt: 5 }, true],
    ['may not be adopted by whoever was an earlier guest with the id', 5, { createdAt: 4 }, false],
    ['may not be adopted if there is none', undefined, null, false],
  ]
  for (const [what, createdAt, proof, expected] of guests)
    void it(what, () => assert.equal(mayAdopt(createdAt, proof), expected))

  const ada = { userId: 'ada', userCreatedAt: 2 }
  const calls: [what: string, user: Adopter, proof: Proof, expected: boolean][] = [
    ['is adopted by a repeated call', ada, { createdAt: 5 }, true],
    ['is adopted by a repeated call of the backend', ada, null, true],
    ['is not adopted by another user', { ...ada, userId: 'bob' }, null, false],
    ['is not adopted by a later user with the id', { ...ada, userCreatedAt: 3 }, null, false],
    ['is not adopted with the proof of another guest', ada, { createdAt: 4 }, false],
  ]
  for (const [what, user, proof, expected] of calls)
    void it(what, () => assert.equal(isAdoptedBy(ada, 5, user, proof), expected))
})

void describe('the messages of an adopted guest', () => {
  const retention = { messages: 5, bytes: 100, age: 50 }
  const three = [1, 2, 3].map((at) => ({ at, size: 10 }))
  const left = { messages: 3, bytes: 30 }
  const cases: [what: string, kept: typeof left, left: typeof left, now: number, expected: number[]][] = [
    ['move if all fit', { messages: 2, bytes: 20 }, left, 10, [1, 2, 3]],
    ['move from that on from which all fit', { messages: 3, bytes: 20 }, left, 10, [2, 3]],
    ['stay if the inbox is full', { messages: 5, bytes: 50 }, left, 10, []],
    [
      'make room for later ones of the guest',
      { messages: 1, bytes: 10 },
      { messages: 6, bytes: 60 },
      10,
      [3],
    ],
    ['move if their bytes fit', { messages: 0, bytes: 64 }, left, 10, [1, 2, 3]],
    ['stay if their bytes might not fit', { messages: 0, bytes: 65 }, left, 10, [2, 3]],
    ['stay if they have expired', { messages: 0, bytes: 0 }, left, 52, [3]],
  ]
  for (const [what, kept, left, now, expected] of cases)
    void it(what, () =>
      assert.deepEqual(
        fitting(three, kept, left, 2, retention, now).map(({ at }) => at),
        expected,
      ),
    )
})
