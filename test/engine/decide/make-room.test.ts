import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sessionsBeyond, type Ranked } from '../../../src/engine/decide/sessions/make-room.js'

/** A session that started as the `number`th of all, was detached as the `detached`th, and hidden as the `hiddenSince`th. */
const session = (number: number, detached: number | null = null, hiddenSince: number | null = null) => ({
  ...{ number, detached, hiddenSince },
})

const numbersOf = (sessions: readonly Ranked[]): (number | null)[] => sessions.map(({ number }) => number)

const cases: [what: string, sessions: Ranked[], limit: number, expected: number[]][] = [
  ['none of no sessions', [], 1, []],
  ['none of as many as the user may have', [session(1), session(2)], 2, []],
  ['the oldest of active ones', [session(2), session(1), session(3)], 2, [1]],
  ['the one that was detached first', [session(1), session(2, 9), session(3, 8)], 2, [3]],
  ['a detached one before a hidden one', [session(1, null, 7), session(2, 8)], 1, [2]],
  ['a hidden one before a visible one', [session(1), session(2, null, 5)], 1, [2]],
  ['the one that was hidden first', [session(1, null, 6), session(2, null, 5), session(3)], 2, [2]],
  ['a detached one by its detachment, though it was hidden', [session(1, 9, 4), session(2, 8)], 1, [2]],
  [
    'detached, hidden and visible ones in this order',
    [session(1), session(2, null, 5), session(3, 6)],
    0,
    [3, 2, 1],
  ],
  ['all if the limit is below 0', [session(1), session(2)], -1, [1, 2]],
]

void describe('the sessions that make room', () => {
  for (const [what, sessions, limit, expected] of cases)
    void it(`are ${what}`, () => assert.deepEqual(numbersOf(sessionsBeyond(sessions, limit)), expected))
})
