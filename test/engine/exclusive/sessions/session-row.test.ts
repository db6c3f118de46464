import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  newSession,
  sessionOf,
  storedSessionOf,
} from '../../../../src/engine/exclusive/sessions/session-row.js'
import { request } from '../../../../src/engine/suite/kit.js'

test('a stored session has every field that it had, but those that are true only while the process runs', () => {
  const started = newSession(request({ appId: 'app', userId: 'ada' }), 7)
  const session = {
    ...started,
    ...{ detached: 9, hiddenSince: 8, guest: true },
    credential: { ...started.credential, tokenId: 'token', issuedAt: 1, expiresAt: 2 },
    ...{ origin: 'https://example.com', client: 'chat-session/1', rtt: 3, lastSeenAt: started.startedAt + 4 },
    ...{ previousKeyHash: 'earlier', offline: true },
    ...{ expiresAt: 5, offlineAt: 6 },
  }
  const row: unknown = JSON.parse(JSON.stringify(storedSessionOf(session)))
  assert.ok(Array.isArray(row))
  assert.deepEqual(sessionOf(session.sessionId, row, 0), {
    ...session,
    ...{ connectionId: null, expiresAt: null, offlineAt: null },
  })
})

test('a session that a connection carried was last seen when the engine was last open', () => {
  const session = newSession(request({ appId: 'app', userId: 'ada' }), 1)
  const openAt = session.lastSeenAt + 60_000
  assert.equal(sessionOf(session.sessionId, storedSessionOf(session), openAt).lastSeenAt, openAt)
  const detached = storedSessionOf({ ...session, detached: 2 })
  assert.equal(sessionOf(session.sessionId, detached, openAt).lastSeenAt, session.lastSeenAt)
})
