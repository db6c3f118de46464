// Signals and presence, as a page's session has them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatSession, Presence, Signal } from '../../../src/session/index.js'
import { eventually, nextEvent } from '../../support/clients/client-sessions.js'
import { message, refusal, startScripted } from '../scripted.js'

const signalsOf = (session: ChatSession): Signal[] => {
  const signals: Signal[] = []
  session.addEventListener('signal', ({ detail }) => signals.push(detail.signal))
  return signals
}

const online = (id: string): Presence => ({ id, online: true, lastSeenAt: 1 })

test('a signal is sent with its fields; one that no gateway takes rejects, and the session goes on', async () => {
  const { session, connection } = await startScripted()
  const { of } = await connection(0)
  assert.equal(await session.signal(7, 'typing', { data: { a: 1 }, ttl: 900 }), true)
  await eventually(() => of('signal').length === 1)
  assert.deepEqual(of('signal'), [{ type: 'signal', to: '7', name: 'typing', data: { a: 1 }, ttl: 900 }])
  await assert.rejects(session.signal('bob', 7 as unknown as string), { code: 'bad-request' })
  await assert.rejects(session.signal('bob', 'typing', { ttl: NaN }), { code: 'bad-request' })
  assert.equal(session.state, 'active')
})

test('a signal is dropped without a connection', async () => {
  const { session } = await startScripted()
  await session.end()
  assert.equal(await session.signal('bob', 'typing'), false)
})

test('a refused signal is an error event, and holds up no message', async () => {
  const { session, connection } = await startScripted()
  const { of, send } = await connection(0)
  await session.signal('bob', 'typing')
  const refused = nextEvent(session, 'error')
  send(refusal('signal', 'rate-limited', { retryAfter: 60_000 }))
  assert.deepEqual([(await refused).detail.error.code, session.state], ['rate-limited', 'active'])
  void session.send({ to: 'bob', body: 'at once' }).catch(() => undefined)
  await eventually(() => of('send').length === 1)
})

test('a signal has its end, and a message of its sender ends it, even if both come before the page has made a call', async () => {
  const { session, connection } = await startScripted()
  const { send } = await connection(0)
  const signals = signalsOf(session)
  const before = Date.now()
  send(
    { type: 'signal', from: 'bob', name: 'typing', data: { a: 1 }, ttl: 20_000 },
    { type: 'signal', from: 'cy', name: 'typing', ttl: 20_000 },
    message(1),
    message(2),
  )
  await eventually(() => signals.length === 3)
  const [bob, cy, ended] = signals
  assert.deepEqual([bob?.from, bob?.name, bob?.data, cy?.from], ['bob', 'typing', { a: 1 }, 'cy'])
  assert.ok((bob?.until ?? 0) >= before + 20_000)
  assert.deepEqual({ ...ended, until: bob?.until }, bob)
  assert.ok((ended?.until ?? Infinity) <= Date.now())
  send({ type: 'signal', from: null, name: 'thinking', ttl: 1 })
  await eventually(() => signals.length === 4)
  assert.equal(signals[3]?.from, null)
})

test('a watch resolves with its answer, is asked again on each new connection, and is replaced by the next one', async () => {
  const { session, connection } = await startScripted()
  const first = await connection(0)
  const seen: string[] = []
  session.addEventListener('presence', ({ detail }) => seen.push(detail.users.map(({ id }) => id).join(' ')))
  const watched = session.watch(['bob', 7])
  await eventually(() => first.of('watch').length === 1)
  assert.deepEqual(first.of('watch'), [{ type: 'watch', users: ['bob', '7'] }])
  // A change that an earlier watch told is no answer.
  first.send({ type: 'presence', users: [online('bob')] })
  await eventually(() => seen.length === 1)
  first.socket.terminate()
  const second = await connection(1)
  await eventually(() => second.of('watch').length === 1)
  second.send({ type: 'presence', users: [online('bob'), online('7')] })
  await watched
  second.socket.terminate()
  const third = await connection(2)
  await eventually(() => third.of('watch').length === 1)
  third.send({ type: 'presence', users: [online('bob'), online('7')] })
  await eventually(() => seen.length === 3)
  assert.deepEqual(seen, ['bob', 'bob 7', 'bob 7'])
  let isAnswered = false
  const none = session.watch([]).then(() => (isAnswered = true))
  await eventually(() => third.of('watch').length === 2)
  // A change that the earlier watch told, on its way while the new one was asked.
  third.send({ type: 'presence', users: [online('bob')] })
  await eventually(() => seen.length === 4)
  assert.equal(isAnswered, false)
  third.send({ type: 'presence', users: [] })
  await none
})

test('a watch that is refused for good rejects, and one that came too fast is asked again', async () => {
  const { session, connection } = await startScripted()
  const { of, send } = await connection(0)
  const bad = session.watch(['bob'])
  await eventually(() => of('watch').length === 1)
  send(refusal('watch', 'bad-request'))
  await assert.rejects(bad, { code: 'bad-request' })
  const slow = session.watch(['bob'])
  await eventually(() => of('watch').length === 2)
  send(refusal('watch', 'rate-limited', { retryAfter: 1 }))
  await eventually(() => of('watch').length === 3)
  send({ type: 'presence', users: [online('bob')] })
  await slow
})

test('if a watch that is made without a connection is refused, the earlier one goes on', async () => {
  const { session, connection } = await startScripted()
  const first = await connection(0)
  const watched = session.watch(['bob'])
  await eventually(() => first.of('watch').length === 1)
  first.send({ type: 'presence', users: [online('bob')] })
  await watched
  let refused: Promise<unknown> | undefined
  session.addEventListener('state', ({ detail }) => {
    if (detail.state === 'reconnecting')
      refused ??= assert.rejects(session.watch(['']), { code: 'bad-request' })
  })
  first.socket.terminate()
  const second = await connection(1)
  await eventually(() => second.of('watch').length === 1)
  second.send(refusal('watch', 'bad-request'))
  await refused
  await eventually(() => second.of('watch').length === 2)
  assert.deepEqual(
    second.of('watch').map(({ users }) => users),
    [[''], ['bob']],
  )
})
