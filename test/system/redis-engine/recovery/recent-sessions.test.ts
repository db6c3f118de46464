import assert from 'node:assert/strict'
import { it } from 'node:test'
import { RecentSessions } from '../../../../src/engine/redis/sessions/recent-sessions.js'

const of = { appId: 'app', userId: 'ada' }
const session = (sessionId: string) => ({ ...of, sessionId })
const credential = {
  credential: { authMethod: 'token', tokenId: null, issuedAt: null, expiresAt: null },
  use: '',
} as const

const idsAfter = (recent: RecentSessions, beats: number): string[] => {
  for (let n = 0; n < beats; n++) recent.beat()
  return recent.all().map(({ session }) => session.sessionId)
}

it('forgets a session sixty beats after its last change, unless a call that stores it has not succeeded', () => {
  const recent = new RecentSessions()
  for (const id of ['started', 'left', 'pending']) recent.start(session(id), `of ${id}`, '{}', credential, 1)
  assert.deepEqual(idsAfter(recent, 30), ['started', 'left', 'pending'])
  recent.depart(session('left'), 'of left', { detachedFor: 1 })(1)
  const stored = recent.depart(session('pending'), 'of pending', { code: 'ended' })
  assert.deepEqual(idsAfter(recent, 31), ['left', 'pending'])
  assert.deepEqual(idsAfter(recent, 30), ['pending'])
  stored(1)
  assert.deepEqual(idsAfter(recent, 1), [])
})

it('knows by its connection whether a session has left this node', () => {
  const recent = new RecentSessions()
  recent.start(session('one'), 'first', '{}', credential, 1)
  assert.equal(recent.hasDeparted('one', 'first'), false)
  recent.start(session('one'), 'second', '{}', credential, 1)
  recent.depart(session('one'), 'first', { code: 'replaced' })
  assert.equal(recent.hasDeparted('one', 'second'), false)
  recent.depart(session('one'), 'second', { detachedFor: 1 })
  assert.equal(recent.hasDeparted('one', 'second'), true)
  recent.start(session('two'), 'third', '{}', credential, 1)
  recent.replace(session('two'), 'another')
  assert.equal(recent.all().length, 2)
  recent.replace(session('two'), 'third')
  assert.equal(recent.all().length, 1)
  // The session ends whatever its connection is.
  recent.depart(session('three'), undefined, { code: 'ended' })(2)
  assert.equal(recent.hasDeparted('three', 'any'), true)
})

it('changes the row of a session with its credential', () => {
  const recent = new RecentSessions()
  recent.start(session('one'), 'first', '{"number":1,"previousKeyHash":"2"}', credential, 1)
  const other = { credential: { ...credential.credential, tokenId: 'new' }, use: 'x' }
  recent.change(session('one'), 'another', { number: 3 }, other)
  recent.change(session('one'), 'first', { number: 4, previousKeyHash: undefined }, other)
  assert.deepEqual([recent.all()[0]?.row, recent.all()[0]?.credential], ['{"number":4}', other])
})
