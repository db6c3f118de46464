import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mayOwn, type PushOwner } from '../../../src/engine/decide/push/device-owner.js'
import { dueAfterLook, dueAfterMessage } from '../../../src/engine/decide/push/push-due.js'

const NOW = 100

void describe('a push', () => {
  const messages: [dueAt: number | null, pushAfter: number, expected: number][] = [
    [null, 30, 130],
    [null, 0.5, 101],
    [110, 30, 110],
    [150, 30, 130],
  ]
  for (const [dueAt, pushAfter, expected] of messages)
    void it(`due at ${dueAt} is due at ${expected} after a message that waits ${pushAfter} ms`, () =>
      assert.equal(dueAfterMessage(dueAt, NOW, pushAfter), expected))

  const looks: [dueAt: number | null, asked: number | null, newest: number, expected: number | null][] = [
    // The caller has looked at the messages up to offset 5.
    [110, null, 5, null],
    [110, 150, 5, 150],
    [110, null, 6, 110],
    [110, 150, 6, 110],
    [160, 150, 6, 150],
    [null, 150, 6, 150],
    [null, null, 6, null],
  ]
  for (const [dueAt, asked, newest, expected] of looks)
    void it(`due at ${dueAt} is due at ${expected} if ${asked} is asked, and the newest offset is ${newest}`, () =>
      assert.equal(dueAfterLook(dueAt, asked, newest, 5), expected))
})

void describe('a device', () => {
  const next: PushOwner = ['ada', 'key', 'secret']
  const owners: [what: string, owner: PushOwner | undefined, expected: boolean][] = [
    ['of nobody', undefined, true],
    ['of the same user, with other keys', ['ada', 'old', 'older'], true],
    ['of another user, with the same keys', ['bob', 'key', 'secret'], true],
    ['of another user, with another key', ['bob', 'other', 'secret'], false],
    ['of another user, with another secret', ['bob', 'key', 'other'], false],
  ]
  for (const [what, owner, expected] of owners)
    void it(`${what} ${expected ? 'goes' : 'does not go'} to who sends its subscription`, () =>
      assert.equal(mayOwn(owner, next), expected))
})
