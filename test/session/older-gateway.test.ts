// A gateway ends the connection for a frame that it does not know: what its `can` does not list is never sent.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatSession } from '../../src/session/index.js'
import { eventually, newSession, nextEvent } from '../support/clients/client-sessions.js'
import { started, startScript, type Script } from './scripted.js'

const token = 'a.b.c'
const unknown = { name: 'SessionError', code: 'protocol-error' }

/** A session on a script. `cans` has the `can` of each connection in turn. */
const sessionOn = async (
  ...cans: (string[] | undefined)[]
): Promise<Pick<Script, 'connection'> & { session: ChatSession }> => {
  const { endpoint, connection } = await startScript((number) => {
    const { can, ...rest } = started({ offset: 9, pushKey: 'key' })
    const listed = cans[number]
    return [listed ? { ...rest, can: listed } : rest]
  })
  return { connection, session: newSession({ endpoint, token }) }
}

const subscriber = {
  subscribe: () => Promise.resolve({ endpoint: 'https://push.example/1', keys: { p256dh: 'p', auth: 'a' } }),
}

/** The calls about peers. */
const aboutPeers = (session: ChatSession): Promise<unknown>[] => [
  session.peers(),
  session.history({ with: 'bob' }),
  session.history({ with: null }),
  session.markRead(1, { with: 'bob' }),
]

/** All calls that ask for what not every gateway knows. */
const extended = (session: ChatSession): Promise<unknown>[] => [
  ...aboutPeers(session),
  session.watch(['bob']),
]

for (const can of [[], undefined, ['adopt', 'push']])
  test(`with can ${JSON.stringify(can)} calls reject, no frame goes out, and the session goes on`, async () => {
    const { session, connection } = await sessionOn(can)
    // Before the start it is not known what the gateway can.
    const early = extended(session).map((call) => assert.rejects(call, unknown))
    await session.start()
    await Promise.all(early)
    for (const call of extended(session)) await assert.rejects(call, unknown)
    assert.equal(await session.signal('bob', 'typing'), false)
    if (!can?.includes('push')) await session.push(subscriber)
    const { of, frames, send } = await connection(0)
    const read = session.markRead(9)
    await eventually(() => of('read').length === 1)
    send({ type: 'unread', unread: 0, readOffset: 9 })
    await read
    assert.deepEqual(
      frames.filter(({ type }) => type !== 'pong'),
      [{ type: 'read', epoch: 'e', offset: 9 }],
    )
    assert.equal(session.state, 'active')
  })

test('what waits is not sent to a gateway that lacks it, nor a watch, which a later gateway gets again', async () => {
  const all = ['peers', 'signal', 'watch', 'push']
  const { session, connection } = await sessionOn(all, [], all)
  await session.start()
  const first = await connection(0)
  await session.push(subscriber)
  const watched = session.watch(['bob'])
  await eventually(() => first.of('watch').length === 1 && first.of('push').length === 1)
  first.send({ type: 'presence', users: [{ id: 'bob', online: true, lastSeenAt: 1 }] })
  await watched
  const waiting = aboutPeers(session).map((call) => assert.rejects(call, unknown))
  await eventually(() => first.of('peers').length === 1 && first.of('read').length === 1)
  const told = nextEvent(session, 'error', ({ detail }) => detail.error.code === 'protocol-error')
  first.socket.terminate()
  await Promise.all(waiting)
  await told
  const second = await connection(1)
  await session.push(null)
  const own = session.history()
  await eventually(() => second.of('history').length === 1)
  assert.deepEqual(
    second.frames.filter(({ type }) => type !== 'pong').map(({ type }) => type),
    ['history'],
  )
  second.socket.terminate()
  const third = await connection(2)
  await eventually(() => third.of('history').length === 1 && third.of('watch').length === 1)
  third.send({ type: 'history', id: third.of('history')[0]?.id ?? '', messages: [] })
  assert.deepEqual(await own, [])
})
