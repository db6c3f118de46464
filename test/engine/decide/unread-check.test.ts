import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  afterCheck,
  needsCheck,
  type OldestUnread,
} from '../../../src/engine/decide/messages/unread-check.js'

const HOUR = 3_600_000
const oldest = (offset: number, at: number, deletions = 2): OldestUnread => ({ offset, at, deletions })

void describe('a check for unread messages', () => {
  const cases: [what: string, oldest: OldestUnread | null, expected: ReturnType<typeof afterCheck>][] = [
    ['reports the message that began the streak', oldest(5, 0), 'report'],
    ['reports a later message that is old enough', oldest(7, 0), 'report'],
    ['is made again for a later message that is not', oldest(7, 1), { at: HOUR + 1, check: [7, 2] }],
    ['reports nothing if all is read', null, 'nothing'],
    ['reports nothing of an earlier streak', oldest(4, 0), 'nothing'],
    ['reports nothing of another inbox of the user', oldest(5, 0, 3), 'nothing'],
  ]
  for (const [what, unread, expected] of cases)
    void it(what, () => assert.deepEqual(afterCheck([5, 2], unread, HOUR, HOUR), expected))

  const needs: [what: string, at: number, now: number, expected: boolean][] = [
    ['is needed for a message from before the app has asked', 99, 100 + 2 * HOUR, true],
    ['is needed for a message of the millisecond in which the app has asked', 100, 100 + HOUR, true],
    ['is not needed for one whose check was perhaps made', 101, 100 + HOUR, false],
    ['may be stored twice before it is made', 101, 99 + HOUR, true],
  ]
  for (const [what, at, now, expected] of needs)
    void it(what, () => assert.equal(needsCheck(oldest(5, at), 100, HOUR, now), expected))
})
