import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatSession, PendingDetail } from '../../../src/session/index.js'
import { eventually, newSession, nextEvent } from '../../support/clients/client-sessions.js'
import { refusal, started, startScript, startScripted } from '../scripted.js'

const token = 'a.b.c'

/** The counts and reasons of the session's `pending` events from now on. */
const pendingOf = (session: ChatSession): [PendingDetail['count'], PendingDetail['reason']][] => {
  const pending: [PendingDetail['count'], PendingDetail['reason']][] = []
  session.addEventListener('pending', ({ detail: { count, reason } }) => pending.push([count, reason]))
  return pending
}

test('`pending` says how many messages wait and why, and `sent` that each is stored', async () => {
  const { endpoint, connection } = await startScript()
  const session = newSession({ endpoint, token })
  const pending = pendingOf(session)
  const sent: unknown[] = []
  session.addEventListener('sent', ({ detail }) => sent.push(detail))
  const sends = ['1', '2'].map((id) => session.send({ to: 'bob', id, body: 'a' }))
  assert.equal(session.pending, 2)
  await session.start()
  const peer = await connection(0)
  await eventually(() => peer.of('send').length === 2)
  peer.send(
    refusal('send', 'rate-limited', { id: '1', retryAfter: 100 }),
    refusal('send', 'rate-limited', { id: '2', retryAfter: 100 }),
  )
  await eventually(() => peer.of('send').length === 4)
  peer.send(
    { type: 'sent', id: '1', offset: 3, sentAt: 10 },
    refusal('send', 'unavailable', { id: '2', retryAfter: 100 }),
  )
  await eventually(() => peer.of('send').length === 5)
  peer.send({ type: 'sent', id: '2', offset: 4, sentAt: 11 })
  await Promise.all(sends)
  assert.deepEqual(pending.slice(0, 4), [
    [1, 'reconnecting'],
    [2, 'reconnecting'],
    [2, null],
    [2, 'rate-limited'],
  ])
  // The second refusal names another end of the pause.
  const others = pending.slice(4).filter(([, reason]) => reason !== 'rate-limited')
  assert.deepEqual(others, [
    [2, null],
    [1, null],
    [1, 'busy'],
    [1, null],
    [0, null],
  ])
  assert.deepEqual(sent, [
    { id: '1', offset: 3, sentAt: 10 },
    { id: '2', offset: 4, sentAt: 11 },
  ])
  assert.equal(session.pending, 0)
})

test('`retryAt` is when a refused message is sent again, and when a lost connection is tried again', async () => {
  const { session, connection } = await startScripted((number) => (number ? [] : [started()]))
  const sending = session.send({ to: 'bob', id: '1' })
  const peer = await connection(0)
  await eventually(() => peer.of('send').length === 1)
  const refused = nextEvent(session, 'pending', ({ detail }) => detail.reason === 'rate-limited')
  const before = Date.now()
  peer.send(refusal('send', 'rate-limited', { id: '1', retryAfter: 60_000 }))
  const { retryAt } = (await refused).detail
  assert.ok(retryAt && retryAt >= before + 60_000 && retryAt <= Date.now() + 60_000, String(retryAt))
  const scheduled = nextEvent(session, 'pending', ({ detail }) => detail.retryAt === session.retryAt)
  peer.socket.close(4503)
  assert.equal((await scheduled).detail.reason, 'reconnecting')
  const ended = assert.rejects(sending, { code: 'ended' })
  await session.end()
  await ended
})

test('a request that is no message is not counted, and a frame changes nothing if nothing waits', async () => {
  const { endpoint, connection } = await startScript()
  const session = newSession({ endpoint, token })
  const pending = pendingOf(session)
  await session.start()
  const peer = await connection(0)
  const history = session.history()
  await eventually(() => peer.of('history').length === 1)
  peer.send({ type: 'history', id: peer.of('history')[0]?.id ?? '', messages: [] }, { type: 'ping' })
  await history
  await session.end()
  assert.deepEqual(pending, [])
})

test('messages that are rejected by the end no longer wait', async () => {
  const { endpoint } = await startScript()
  const session = newSession({ endpoint, token })
  const pending = pendingOf(session)
  await session.start()
  const sending = assert.rejects(session.send({ to: 'bob', id: '1' }), { code: 'ended' })
  await session.end()
  await sending
  assert.deepEqual(pending, [
    [1, null],
    [0, null],
  ])
})
