import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { ClientFrameOf, GatewayFrameOf } from '../../../src/protocol/index.js'
import { callFrames } from '../../../src/protocol/internal.js'
import type { ChatSession } from '../../../src/session/index.js'
import { createOutbox, sendOptions, type Answer, type Outbox } from '../../../src/session/storage/outbox.js'
import { refusal, type ScriptedConnection, startScript, startScripted } from '../scripted.js'
import { now } from '../../../src/session/util/clock.js'
import { eventually, newSession } from '../../support/clients/client-sessions.js'
import { startGateway } from '../../support/gateway.js'
import { holdClock } from '../../support/held-clock.js'
import { tokenFor } from '../../support/tokens.js'

const token = 'a.b.c'

const bodies = (peer: ScriptedConnection): (string | undefined)[] => peer.of('send').map(({ body }) => body)

const sentFor = (frame: ClientFrameOf<'send'> | undefined, offset: number): GatewayFrameOf<'sent'> => ({
  type: 'sent',
  id: frame?.id ?? '',
  offset,
  sentAt: 10 + offset,
})

const refusalOf = (
  frame: ClientFrameOf<'send'> | undefined,
  code: string,
  retryAfter?: number,
): GatewayFrameOf<'refused'> => refusal('send', code, { id: frame?.id ?? '', retryAfter })

/** An outbox on a connection that the test answers, under a clock that it holds. */
const heldOutbox = (t: TestContext, { sendWindow = 60_000, isConnected = true } = {}) => {
  const clock = holdClock(t)
  const written: string[] = []
  const write = (request: { type: string; body?: string | undefined }): boolean => {
    if (isConnected) written.push(request.body ?? request.type)
    return isConnected
  }
  const outbox = createOutbox({ write, sendWindow: () => sendWindow, changed: () => undefined })
  return {
    clock,
    outbox,
    written,
    add(body: string): ClientFrameOf<'send'> {
      const frame: ClientFrameOf<'send'> = { type: 'send', id: body, to: 'bob', body }
      outbox.add(frame, sendOptions).catch(() => undefined)
      return frame
    },
    connect(): void {
      isConnected = true
      outbox.connected()
    },
  }
}

test('requests without an answer are sent again in order, with the same ids and content', async () => {
  const { session, connection } = await startScripted()
  const data = { at: 1 }
  const sends = ['a', 'b'].map((body) => session.send({ to: 'bob', body, data }))
  data.at = 2
  const first = await connection(0)
  await eventually(() => first.of('send').length === 2)
  // A message is sent between the connections, and another one by a listener of the new connection's first event.
  session.addEventListener('state', ({ detail }) => {
    if (detail.state === 'reconnecting') sends.push(session.send({ to: 'bob', body: 'c' }))
    if (detail.state === 'active') sends.push(session.send({ to: 'bob', body: 'd' }))
  })
  first.send(sentFor(first.of('send')[0], 1))
  await sends[0]
  first.socket.terminate()
  const second = await connection(1)
  await eventually(() => second.of('send').length === 3)
  assert.deepEqual(bodies(second), ['b', 'c', 'd'])
  assert.deepEqual(second.of('send')[0], first.of('send')[1])
  assert.deepEqual(second.of('send')[0]?.data, { at: 1 })
  second.send(...second.of('send').map((frame, at) => sentFor(frame, at + 2)))
  const offsets = (await Promise.all(sends)).map(({ offset }) => offset)
  assert.deepEqual(offsets, [1, 2, 3, 4])
  await session.end()
})

test('a request is not sent again before the gateway has answered it: the second copy could be stored after the first was refused', async () => {
  const { session, connection } = await startScripted()
  const sends = ['a', 'b', 'c'].map((body) => session.send({ to: 'bob', body }))
  const results = Promise.allSettled(sends)
  const peer = await connection(0)
  await eventually(() => peer.of('send').length === 3)
  const [a, b, c] = peer.of('send')
  peer.send(refusalOf(a, 'rate-limited', 0))
  /** Resolves when the client has received what was sent to it, and the script what the client had written by then. */
  const isReceived = async (pongs: number): Promise<void> => {
    peer.send({ type: 'ping' })
    await eventually(() => peer.of('pong').length === pongs)
  }
  await isReceived(2)
  const late = session.send({ to: 'bob', body: 'd' })
  await isReceived(3)
  assert.deepEqual(bodies(peer), ['a', 'b', 'c'])
  peer.send(refusalOf(b, 'refused'), refusalOf(c, 'rate-limited', 0))
  await eventually(() => peer.of('send').length === 6)
  assert.deepEqual(bodies(peer), ['a', 'b', 'c', 'a', 'c', 'd'])
  peer.send(
    ...peer
      .of('send')
      .slice(3)
      .map((frame, at) => sentFor(frame, at + 1)),
  )
  assert.deepEqual(
    (await results).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal((await late).offset, 3)
})

test('of two marks of peers the second waits for the answer to the first, whose refusal does not say whose it is', async () => {
  const { session, connection } = await startScripted()
  const ended = Promise.allSettled(['bob', 'cy'].map((peer) => session.markRead(1, { with: peer })))
  const peer = await connection(0)
  await eventually(() => peer.of('read').length === 1)
  peer.send(refusal('read', 'rate-limited', { retryAfter: 0 }))
  await eventually(() => peer.of('read').length === 2)
  peer.send(refusal('read', 'bad-request'))
  await eventually(() => peer.of('read').length === 3)
  assert.deepEqual(
    peer.of('read').map(({ with: of }) => of),
    ['bob', 'bob', 'cy'],
  )
  await session.end()
  await ended
})

/** Marks messages, as `markRead` does: a higher mark takes the place of a lower one that waits. */
const addMark = (outbox: Outbox, offset: number): Promise<unknown> =>
  outbox.add(
    { type: 'read', epoch: '1', offset },
    {
      checks: callFrames.read,
      key: 'read',
      isAnswer: (answer, request): answer is Answer =>
        answer.type === 'unread' && answer.readOffset >= (request as ClientFrameOf<'read'>).offset,
    },
  )

const unreadAt = (readOffset: number): GatewayFrameOf<'unread'> => ({ type: 'unread', unread: 0, readOffset })

test('a higher mark that can not be written yet, in place of one that is on its way, is written later', async (t) => {
  const { add, outbox, written } = heldOutbox(t)
  const marked = addMark(outbox, 1)
  const frames = Array.from({ length: 100 }, (_, number) => add(`${number}`))
  // 99 of them and the mark are on their way.
  assert.equal(written.length, 100)
  const alsoMarked = addMark(outbox, 2)
  outbox.answered(unreadAt(1))
  for (const [at, frame] of frames.entries()) outbox.answered(sentFor(frame, at))
  assert.equal(written.filter((type) => type === 'read').length, 2)
  outbox.answered(unreadAt(2))
  assert.deepEqual(await Promise.all([marked, alsoMarked]), [unreadAt(2), unreadAt(2)])
})

test('a higher mark that is made while requests wait for `retryAfter` holds up no message', (t) => {
  const { clock, add, outbox, written } = heldOutbox(t)
  addMark(outbox, 1).catch(() => undefined)
  const a = add('a')
  outbox.answered(refusalOf(a, 'rate-limited', 300))
  addMark(outbox, 2).catch(() => undefined)
  outbox.answered(unreadAt(1))
  clock.advance(300)
  assert.deepEqual(written, ['read', 'a', 'read', 'a'])
})

test('refused requests wait for `retryAfter`, and later ones behind them', (t) => {
  const { clock, add, outbox, written } = heldOutbox(t)
  const [a, b] = [add('a'), add('b')]
  outbox.answered(refusalOf(a, 'rate-limited', 300))
  outbox.answered(refusalOf(b, 'unavailable', 200))
  add('c')
  clock.advance(199)
  assert.deepEqual(written, ['a', 'b'])
  clock.advance(1)
  assert.deepEqual(written, ['a', 'b', 'a', 'b', 'c'])
})

test('messages of an earlier page are written before those that wait here, in the order of their writing', (t) => {
  const { add, outbox, written, connect } = heldOutbox(t, { isConnected: false })
  add('c')
  for (const [body, writtenAt] of [
    ['b', now() - 1_000],
    ['a', now() - 2_000],
  ] as const)
    outbox.restore({ type: 'send', id: body, to: 'bob', body, writtenAt }, () => assert.fail('It failed.'))
  connect()
  assert.deepEqual(written, ['a', 'b', 'c'])
})

test('a wall clock that was set back since an earlier page keeps the order of its messages, and their end', (t) => {
  const { add, outbox, written, clock } = heldOutbox(t, { sendWindow: 60_000 })
  add('c')
  for (const body of ['a', 'b']) {
    const send = { type: 'send', id: body, to: 'bob', body, writtenAt: now() + 3_600_000 } as const
    outbox.restore(send, ({ code }) => written.push(`${body} ${code}`))
  }
  add('d')
  assert.deepEqual(written, ['c', 'a', 'b', 'd'])
  clock.advance(60_000)
  assert.deepEqual(written.slice(4), ['a unknown-outcome', 'b unknown-outcome'])
})

test('a late refusal of a request that was answered since pauses the others too', (t) => {
  const { clock, add, outbox, written } = heldOutbox(t)
  const a = add('a')
  outbox.answered(sentFor(a, 1))
  outbox.answered(refusalOf(a, 'rate-limited', 200))
  add('b')
  clock.advance(199)
  assert.deepEqual(written, ['a'])
  clock.advance(1)
  assert.deepEqual(written, ['a', 'b'])
})

for (const [name, call] of Object.entries({
  watch: (session: ChatSession, user: string) => session.watch([user]),
  markRead: (session: ChatSession, user: string) => session.markRead(1, { with: user }),
  setProfile: (session: ChatSession, name: string) => session.setProfile({ name }),
  history: (session: ChatSession) => session.history(),
}))
  test(`more calls of ${name} than the limit are all answered, and so is a message after them`, async () => {
    const { url } = await startGateway({ limits: { requestsPerSecond: 10 } })
    const session = newSession({ endpoint: url, token: await tokenFor('ann') })
    await session.start()
    const calls = Array.from({ length: 40 }, (_, number) => call(session, `user ${number}`))
    await session.send({ to: 'bob', body: 'Hi' })
    await Promise.all(calls)
    await session.end()
  })

test('of two messages with one id the second, and what is behind it, waits for the answer to the first', (t) => {
  const { outbox, written, add } = heldOutbox(t)
  for (const to of ['bob', 'cy'])
    outbox.add({ type: 'send', id: 'one', to, body: to }, sendOptions).catch(() => undefined)
  add('behind')
  assert.deepEqual(written, ['bob'])
  outbox.answered({ type: 'sent', id: 'one', offset: 1, sentAt: 1 })
  assert.deepEqual(written, ['bob', 'cy', 'behind'])
})

test('ending rejects waiting requests as ended, and later ones too', async () => {
  const { endpoint } = await startScript()
  const session = newSession({ endpoint, token })
  const early = session.send({ to: 'bob', body: 'before the start' })
  await session.start()
  const sends = [early, session.send({ to: 'bob', body: 'a' }), session.history()]
  const all = Promise.allSettled(sends)
  await session.end()
  for (const result of await all)
    assert.equal(result.status === 'rejected' && (result.reason as { code: string }).code, 'ended')
  await assert.rejects(session.send({ to: 'bob', body: 'b' }), { code: 'ended' })
})

test('a session that the gateway ends rejects with its reason', async () => {
  const { session, connection } = await startScripted()
  const sending = session.send({ to: 'bob', body: 'a' })
  ;(await connection(0)).socket.close(4410)
  await assert.rejects(sending, { code: 'revoked' })
})

test('a request that was never written waits without end', (t) => {
  const { clock, add, outbox, written, connect } = heldOutbox(t, { sendWindow: 100, isConnected: false })
  add('a')
  clock.advance(1_000)
  assert.equal(outbox.pending(), 1)
  connect()
  assert.deepEqual(written, ['a'])
  clock.advance(100)
  assert.equal(outbox.pending(), 0, 'from then on it waits for the send window')
})

test('messages of an earlier page are taken even if those of this page fill the outbox, and several if they have one id', async (t) => {
  const { outbox } = heldOutbox(t, { isConnected: false })
  const body = 'x'.repeat(60_000)
  for (const id of ['a', 'b', 'c', 'd'])
    outbox.add({ type: 'send', id, to: 'bob', body }, sendOptions).catch(() => undefined)
  for (const to of ['bob', 'cy'])
    outbox.restore({ type: 'send', id: 'left', to, body, writtenAt: now() }, () => assert.fail('It failed.'))
  await assert.rejects(outbox.add({ type: 'send', id: 'e', to: 'bob', body }, sendOptions), {
    code: 'outbox-full',
  })
  assert.equal(outbox.pending(), 6)
  outbox.answered({ type: 'sent', id: 'left', offset: 1, sentAt: 1 })
  assert.equal(outbox.pending(), 5)
})

test('hundreds of messages that were sent without a connection are all stored in order', async () => {
  const { url } = await startGateway({ limits: { messagesPerSecond: 100 } })
  const session = newSession({ endpoint: url, token: await tokenFor('ann') })
  const sends = Array.from({ length: 400 }, (_, number) => session.send({ to: 'bob', body: `${number}` }))
  await session.start()
  assert.deepEqual(
    (await Promise.all(sends)).map(({ offset }) => offset),
    sends.map((_, number) => number + 1),
  )
  await session.end()
})

test('a request that would end the connection is refused before it is sent', async () => {
  const { session, connection } = await startScripted()
  const wrong = [
    { to: 'bob', body: 7 },
    { to: 'bob', data: [] },
    { to: 'bob', data: new Date() },
  ] as never[]
  for (const draft of wrong) await assert.rejects(session.send(draft), { code: 'bad-request' })
  await assert.rejects(session.send({ to: 'bob', body: 'x'.repeat(70_000) }), { code: 'too-large' })
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  await assert.rejects(session.send({ to: 'bob', data: circular }), TypeError)
  assert.deepEqual((await connection(0)).of('send'), [])
  assert.equal(session.state, 'active')
})
