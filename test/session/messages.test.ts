import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Message } from '../../src/protocol/index.js'
import type { ChatSession, NewMessage } from '../../src/session/index.js'
import { PROBE_ID } from '../../src/session/machine/state.js'
import { message, started, startScript, startScripted } from './scripted.js'
import { eventually, newSession, nextEvent, reaches } from '../support/clients/client-sessions.js'
import { startGateway } from '../support/gateway.js'
import { forge } from '../support/forged-tokens.js'
import { secret, tokenFor } from '../support/tokens.js'

/** Collects the events of a session from now on: states, messages by offset, unread counts, users and errors. */
const emittedBy = (session: ChatSession): string[] => {
  const emitted: string[] = []
  session.addEventListener('state', ({ detail }) => emitted.push(detail.state))
  session.addEventListener('message', ({ detail }) => emitted.push(`message ${detail.message.offset}`))
  session.addEventListener('unread', ({ detail }) => emitted.push(`unread ${detail.unread}`))
  session.addEventListener('user', ({ detail }) => emitted.push(`user ${detail.user.name ?? detail.user.id}`))
  session.addEventListener('error', ({ detail }) => emitted.push(`error ${detail.error.code}`))
  return emitted
}

const token = 'a.b.c'

test('a received message counts as unread, a copy of a sent one does not, and the gateway corrects the count', async () => {
  const { endpoint, connection } = await startScript(() => [started({ unread: 2 })])
  const session = newSession({ endpoint, token })
  const emitted = emittedBy(session)
  await session.start()
  assert.equal(session.unread, 2)
  const { send } = await connection(0)
  const corrected = nextEvent(session, 'unread', ({ detail }) => detail.unread === 0)
  send(message(1), message(2, { from: 'ann', to: 'bob' }), { type: 'unread', unread: 0, readOffset: 2 })
  await corrected
  assert.deepEqual(emitted, [
    'starting',
    'active',
    'user ann',
    'unread 2',
    'unread 3',
    'message 1',
    'message 2',
    'unread 0',
  ])
  await session.end()
  assert.equal(session.unread, 0)
})

test('history with a peer asks again until it has enough messages, or has come to the end', async () => {
  const { session, of, send } = await startScripted()
  const fieldsOf = (index: number) => ({ ...of('history')[index], id: '' })
  let asked = 0
  const answer = async (offsets: number[], next?: number): Promise<void> => {
    await eventually(() => of('history').length > asked)
    const id = of('history')[asked++]?.id ?? ''
    const messages = offsets.map((offset) => {
      const { type, ...kept } = message(offset) as Message & { type: string }
      assert.equal(type, 'message')
      return kept
    })
    send({ type: 'history', id, messages, ...(next !== undefined && { next }) })
  }
  const frame = { type: 'history', id: '', epoch: 'e' }

  const range = { with: 'bob', limit: 4, epoch: 'other', comment: 'not for the gateway' }
  const newest = session.history(range)
  await answer([8, 9], 8)
  await answer([], 6)
  await answer([2, 5], 2)
  assert.deepEqual(
    (await newest).map(({ offset }) => offset),
    [2, 5, 8, 9],
  )
  assert.deepEqual(fieldsOf(0), { ...frame, limit: 4, with: 'bob' })
  assert.deepEqual(fieldsOf(1), { ...frame, before: 8, limit: 2, with: 'bob' })
  assert.deepEqual(fieldsOf(2), { ...frame, before: 6, limit: 2, with: 'bob' })

  const later = session.history({ with: null, after: 0 })
  await answer([1], 3)
  await answer([4, 7])
  assert.deepEqual(
    (await later).map(({ offset }) => offset),
    [1, 4, 7],
  )
  assert.deepEqual(fieldsOf(3), { ...frame, after: 0, limit: 50, with: null })
  assert.deepEqual(fieldsOf(4), { ...frame, after: 3, limit: 49, with: null })
  assert.equal(asked, 5)
})

test('peers asks for a page, and for the page before it by `next`', async () => {
  const { session, of, send } = await startScripted()
  const { type, ...newest } = message(8) as Message & { type: string }
  assert.equal(type, 'message')
  const bob = { id: 'bob', name: null, photoUrl: null, unread: 1, readOffset: 0, newest }
  const first = session.peers()
  await eventually(() => of('peers').length === 1)
  const next = { epoch: 'e', offset: 8 }
  send({ type: 'peers', id: of('peers')[0]?.id ?? '', peers: [bob], next })
  assert.deepEqual(await first, { peers: [bob], next })
  const second = session.peers({ before: next, limit: 5 })
  await eventually(() => of('peers').length === 2)
  assert.deepEqual({ ...of('peers')[1], id: '' }, { type: 'peers', id: '', before: next, limit: 5 })
  send({ type: 'peers', id: of('peers')[1]?.id ?? '', peers: [] })
  assert.deepEqual(await second, { peers: [], next: undefined })
  await assert.rejects(session.peers({ limit: -1 }), { code: 'bad-request' })
  await assert.rejects(session.peers({ before: { epoch: 'e' } as typeof next }), { code: 'bad-request' })
  assert.equal(session.state, 'active')
})

test('what was read before the start stays read when a message comes', async () => {
  const { session, send } = await startScripted(() => [started({ offset: 5 })])
  assert.equal(session.readOffset, 5)
  const received = nextEvent(session, 'message')
  const { type, ...kept } = message(6) as Message & { type: string }
  send({ type: 'message', ...kept })
  assert.deepEqual((await received).detail.message, kept)
  assert.deepEqual([type, session.unread, session.readOffset], ['message', 1, 5])
})

test('a number is the user with these digits, and one that is no safe integer is refused with a sentence', async () => {
  const { url } = await startGateway()
  const session = newSession({ endpoint: url, user: { id: 12345 }, token: await tokenFor('12345') })
  await session.start()
  const [peer, number] = [-7, Number.MAX_SAFE_INTEGER]
  for (const to of [peer, number]) await session.send({ to, body: `to ${to}` })
  const [kept, ...others] = await session.history({ with: peer })
  assert.deepEqual([kept?.to, kept?.from, others], ['-7', '12345', []])
  await session.watch([peer, number])
  await session.markRead(1, { with: number })
  for (const id of [1.5, 2 ** 53, NaN, -Infinity])
    for (const call of [
      () => session.send({ to: id, body: 'Hi' }),
      () => session.signal(id, 'typing'),
      () => session.watch([peer, id]),
      () => session.history({ with: id }),
      () => session.markRead(1, { with: id }),
    ])
      await assert.rejects(call(), { code: 'bad-request', message: /^A user id is text, or a safe integer/ })
  assert.throws(() => newSession({ endpoint: url, user: { id: 1.5 } }), { code: 'bad-request' })
  assert.equal(session.state, 'active')
})

test('a token whose sub is a number starts the session of the user with these digits', async () => {
  const { url } = await startGateway()
  const claims = { tokenType: 'user', iss: 'app', sub: 12345 }
  const session = newSession({ endpoint: url, token: forge(claims, undefined, secret) })
  await session.start()
  assert.equal(session.user?.id, '12345')
})

test('a message to the backend, whose id in the list of peers is null, is refused and goes to no user of that name', async () => {
  const { url } = await startGateway({ unknownRecipients: true })
  const session = newSession({ endpoint: url, token: await tokenFor('ann') })
  await session.start()
  for (const to of [null, undefined])
    await assert.rejects(session.send({ to, body: 'Hi' } as object as NewMessage), { code: 'bad-request' })
  assert.deepEqual(await session.history(), [])
})

test('the answer to a probe is not taken for the answer to a message, even if the message has the id of a probe', async () => {
  const { session, connection } = await startScripted()
  const sending = session.send({ to: 'ann', id: PROBE_ID, body: 'Hi' })
  const peer = await connection(0)
  await eventually(() => peer.of('send').length === 1)
  peer.send({ type: 'history', id: PROBE_ID, messages: [] })
  peer.send({ type: 'sent', id: PROBE_ID, offset: 7, sentAt: 1 })
  assert.deepEqual(await sending, { id: PROBE_ID, offset: 7, sentAt: 1 })
})

test('hasValidCredentials waits for a start, and returns its outcome', async () => {
  const { url } = await startGateway()
  const bad = newSession({ endpoint: url, token })
  assert.equal(await bad.hasValidCredentials(), false)
  void bad.start()
  assert.equal(await bad.hasValidCredentials(), false)
  const good = newSession({ endpoint: url, guest: true })
  void good.start()
  assert.equal(await good.hasValidCredentials(), true)
  await good.end()
  assert.equal(await good.hasValidCredentials(), false)
  await reaches(good, 'ended')
})

test('a call with arguments of the wrong shape rejects with bad-request and a sentence, and the session goes on', async () => {
  const { session, connection } = await startScripted()
  const calls = session as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>
  const wrong: [call: string, values: unknown[], named: RegExp][] = [
    ['watch', ['bob'], /'users' of 'watch'/],
    ['watch', [], /'users' of 'watch'/],
    ['watch', [[{ id: 'bob' }]], /'users' of 'watch'/],
    ['markRead', [], /'offset' of 'read'/],
    ['markRead', [5, 'bob'], /'options' of 'markRead'/],
    ['markRead', [5, { with: { id: 'bob' } }], /'with' of 'read'/],
    ['markRead', [1.5], /'offset' of 'read'/],
    ['history', ['bob'], /'options' of 'history'/],
    ['history', [{ after: -1 }], /'after' of 'history'/],
    ['history', [{ limit: NaN }], /'limit' of 'history'/],
    ['history', [{ with: true }], /'with' of 'history'/],
    ['history', [{ limit: '5' }], /'limit' of 'history'/],
    ['peers', [20], /'options' of 'peers'/],
    ['peers', [{ limit: 'a' }], /'limit' of 'peers'/],
    ['peers', [{ before: 5 }], /'before' of 'peers'/],
    ['signal', [], /'to' of 'signal'/],
    ['signal', ['bob', 'typing', 'text'], /'options' of 'signal'/],
    ['push', ['text'], /'subscriber' of 'push'/],
    ['push', [], /'subscriber' of 'push'/],
  ]
  for (const [call, values, message] of wrong)
    await assert.rejects(
      async () => calls[call]?.call(session, ...values),
      { name: 'SessionError', code: 'bad-request', message },
      `${call}(${JSON.stringify(values)})`,
    )
  assert.equal(session.state, 'active')
  assert.deepEqual((await connection(0)).frames, [])
})
