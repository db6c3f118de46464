import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstOffset, profileRefusal } from '../../../../src/gateway/sessions/start/started-frames.js'

const inbox = { epoch: 'e', offset: 7 }

for (const [why, position, first] of [
  ['a client without a position gets what is new', undefined, 7],
  ['a position of this inbox is where the messages begin', { epoch: 'e', offset: 3 }, 3],
  ['a client that has the newest message gets none', { epoch: 'e', offset: 7 }, 7],
  ['a position beyond the newest message fits another history: all are sent', { epoch: 'e', offset: 8 }, 0],
  ['a position of another epoch: all are sent', { epoch: 'f', offset: 3 }, 0],
] as const)
  test(why, () => assert.equal(firstOffset(position, inbox), first))

test('the client is told which parts of its profile are left out, and nothing if none is', () => {
  assert.equal(profileRefusal({ profileProblems: [] }), undefined)
  const refused = profileRefusal({ profileProblems: ['name is too long', 'photoUrl is no URL'] })
  assert.match(refused?.message ?? '', /name is too long; photoUrl is no URL\.$/)
})
