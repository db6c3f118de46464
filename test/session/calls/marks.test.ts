import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GatewayFrame } from '../../../src/protocol/index.js'
import type { SessionError } from '../../../src/session/index.js'
import { message, refusal, started, startScript, startScripted } from '../scripted.js'
import { eventually, newSession } from '../../support/clients/client-sessions.js'

const token = 'a.b.c'

const unread = (readOffset: number): GatewayFrame => ({ type: 'unread', unread: 0, readOffset })

/** Notes in `settled` when a promise is settled: `name`, with the code of its error. */
const note = (settled: string[], name: string, promise: Promise<unknown>): Promise<void> =>
  promise.then(
    () => void settled.push(name),
    (error: unknown) => void settled.push(`${name} ${(error as SessionError).code}`),
  )

test('markRead resolves when the gateway’s mark has reached the offset, or the newest message', async () => {
  const { session, connection, of, send, socket } = await startScripted(() => [started({ offset: 9 })])
  const settled: string[] = []
  const marks = [5, 3, 7].map((offset) => note(settled, String(offset), session.markRead(offset)))
  await eventually(() => of('read').length === 2)
  send(unread(4), unread(5), message(10))
  await eventually(() => session.unread === 1)
  assert.deepEqual(settled, [])
  send(unread(7))
  await Promise.all(marks)
  // While a higher mark waits, a lower one is not sent.
  const all = [1_000, 8].map((offset) => session.markRead(offset))
  await eventually(() => of('read').length === 3)
  send(unread(10))
  await Promise.all(all)
  assert.deepEqual(
    of('read').map(({ offset }) => offset),
    [5, 7, 1_000],
  )
  // A gateway's machine that crashed may have forgotten the mark.
  socket.terminate()
  const second = await connection(1)
  await eventually(() => second.of('read').length === 1)
  assert.equal(second.of('read')[0]?.offset, 10)
  // The machine's disk fails: the mark waits as others do.
  second.send(refusal('read', 'unavailable', { retryAfter: 20 }))
  await eventually(() => second.of('read').length === 2)
  assert.equal(second.of('read')[1]?.offset, 10)
})

test('the marks of a peer and of the inbox wait for their own answers, one after the other', async () => {
  const { session, of, send } = await startScripted(() => [started({ offset: 9, can: ['peers'] })])
  const settled: string[] = []
  const sent = (): unknown => of('read').map(({ offset, with: peer }) => [offset, peer])
  const marks = [
    note(settled, 'bob', session.markRead(5, { with: 'bob' })),
    note(settled, 'backend', session.markRead(5, { with: null })),
    note(settled, 'inbox', session.markRead(4)),
  ]
  await eventually(() => of('read').length === 1)
  const mark = (peer: string | null, readOffsetWith: number): GatewayFrame => ({
    ...{ type: 'unread', unread: 1, readOffset: 2, with: peer, unreadWith: 1, readOffsetWith },
  })
  send(mark('cy', 9), mark('bob', 4), mark(null, 4))
  send(mark('bob', 5))
  await eventually(() => of('read').length === 2)
  assert.deepEqual(settled, ['bob'])
  send(mark('bob', 9), mark(null, 5))
  await eventually(() => of('read').length === 3)
  send(unread(4))
  await Promise.all(marks)
  assert.deepEqual(settled, ['bob', 'backend', 'inbox'])
  assert.deepEqual(sent(), [
    [5, 'bob'],
    [5, null],
    [4, undefined],
  ])
})

test('a mark of somebody who is no peer, or no longer, resolves: nothing of theirs is unread', async () => {
  const { session, of, send } = await startScripted(() => [started({ offset: 9, can: ['peers'] })])
  const settled: string[] = []
  const marked = note(settled, 'cy', session.markRead(5, { with: 'cy' }))
  await eventually(() => of('read').length === 1)
  const none = { type: 'unread', unread: 3, readOffset: 2, unreadWith: 0, readOffsetWith: 2 } as const
  send({ ...none, with: 'cy', unreadWith: 1 }, { ...none, with: null })
  // A message passes the mark that waits.
  const ended = assert.rejects(session.send({ to: 'bob', body: 'Hi' }), { code: 'ended' })
  await eventually(() => of('send').length === 1)
  assert.deepEqual(settled, [], 'the answer to another mark is none')
  send({ ...none, with: 'cy' })
  await marked
  await session.end()
  await ended
})

test('the latest marks of peers are sent again on a new connection, unless that of the inbox has reached them', async () => {
  const can = ['peers']
  const { session, connection } = await startScripted(() => [started({ offset: 99, can })])
  const first = await connection(0)
  const unreadWith = (peer: string | null, offset: number, readOffset = 10): GatewayFrame => ({
    ...{ type: 'unread', unread: 1, readOffset, with: peer, unreadWith: 1, readOffsetWith: offset },
  })
  // The calls are loaded with the first of them.
  const marked = session.markRead(20, { with: 'bob' })
  await eventually(() => first.of('read').length === 1)
  first.send(unreadWith('cy', 10), unreadWith(null, 30), unreadWith('bob', 20), unreadWith('bob', 25))
  await marked
  first.socket.terminate()
  const second = await connection(1)
  const marks = (...offsets: [peer: string | null | undefined, offset: number][]): GatewayFrame[] =>
    offsets.map(([peer, offset]) => (peer === undefined ? unread(offset) : unreadWith(peer, offset)))
  await eventually(() => second.of('read').length === 1)
  second.send(...marks([null, 30]))
  await eventually(() => second.of('read').length === 2)
  second.send(...marks([undefined, 10]))
  await eventually(() => second.of('read').length === 3)
  second.send(...marks(['bob', 25]))
  const sent = ({ of }: typeof second): unknown => of('read').map(({ offset, with: peer }) => [peer, offset])
  assert.deepEqual(sent(second), [
    [null, 30],
    [undefined, 10],
    ['bob', 25],
  ])
  for (let n = 0; n < 40; n++) second.send(unreadWith(`peer ${n}`, 50 + n, 11))
  const last = session.markRead(98, { with: 'last' })
  await eventually(() => second.of('read').length === 4)
  second.send(unreadWith('last', 98, 11))
  await last
  second.socket.terminate()
  const third = await connection(2)
  // Each waits for the answer to the one before.
  for (let count = 1; count <= 20; count++) {
    await eventually(() => third.of('read').length === count)
    const { offset = 0, with: peer } = third.of('read').at(-1) ?? {}
    third.send(peer === undefined ? unread(offset) : unreadWith(peer, offset, 11))
  }
  assert.deepEqual(
    third
      .of('read')
      .map(({ offset, with: peer }) => [peer, offset])
      .slice(-3),
    [
      ['peer 39', 89],
      [undefined, 11],
      ['last', 98],
    ],
  )
})

test('a mark that can’t be stored now is sent again after `retryAfter`; one of another epoch rejects', async () => {
  const { endpoint, connection } = await startScript((number) => [
    number ? started({ epoch: 'e2', offset: 2 }) : started({ offset: 9 }),
  ])
  const session = newSession({ endpoint, token })
  const errors: unknown[] = []
  session.addEventListener('error', (event) => errors.push(event))
  await session.start()
  const first = await connection(0)
  const retried = session.markRead(3)
  await eventually(() => first.of('read').length === 1)
  first.send(refusal('read', 'unavailable', { retryAfter: 20 }))
  await eventually(() => first.of('read').length === 2)
  first.send(unread(3))
  await retried
  const late = session.markRead(8)
  await eventually(() => first.of('read').length === 3)
  first.socket.terminate()
  const second = await connection(1)
  await eventually(() => second.of('read').length === 1)
  assert.deepEqual(second.of('read'), [{ type: 'read', epoch: 'e', offset: 8 }])
  // This is the mark of another device, in the new epoch.
  second.send(unread(2), refusal('read', 'conflict'))
  await assert.rejects(late, { name: 'SessionError', code: 'conflict' })
  const again = session.markRead(1)
  await eventually(() => second.of('read').length === 2)
  second.send(unread(2))
  await again
  assert.deepEqual(errors, [])
})

test('marks and profiles that are set before the start are sent after it, and rejected at the end', async () => {
  const { endpoint, connection } = await startScript()
  const session = newSession({ endpoint, token })
  const settled: string[] = []
  const early = [note(settled, 'mark', session.markRead(2)), note(settled, 'Ann', session.setProfile({}))]
  await session.start()
  const { of } = await connection(0)
  await eventually(() => of('read').length === 1 && of('profile').length === 1)
  assert.deepEqual(of('read'), [{ type: 'read', epoch: 'e', offset: 2 }])
  await session.end()
  await Promise.all(early)
  assert.deepEqual(settled, ['mark ended', 'Ann ended'])
  await assert.rejects(session.markRead(1), { code: 'ended' })
  await assert.rejects(session.setProfile({ name: 'Ann' }), { code: 'ended' })
})

test('a change of the profile waits for the answer to the one before, and is sent again after a reconnect', async () => {
  const { session, connection } = await startScripted()
  const settled: string[] = []
  const changes = ['role', 'email', 'name'].map((field) =>
    note(settled, field, session.setProfile({ [field]: 'x' })),
  )
  const first = await connection(0)
  await eventually(() => first.of('profile').length === 1)
  first.send(refusal('profile', 'too-large'))
  await eventually(() => first.of('profile').length === 2)
  first.socket.terminate()
  const second = await connection(1)
  await eventually(() => second.of('profile').length === 1)
  assert.deepEqual(settled, ['role too-large'])
  second.send({ type: 'user', user: { id: 'ann' } })
  await eventually(() => second.of('profile').length === 2)
  second.send({ type: 'user', user: { id: 'ann' } })
  await Promise.all(changes)
  assert.deepEqual(settled, ['role too-large', 'email', 'name'])
  assert.deepEqual(
    second.of('profile').map(({ user }) => user),
    [{ email: 'x' }, { name: 'x' }],
  )
})
