// The events for a node are in the replies to its calls. If a reply is lost, the node finds out what it missed.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Engine, EngineEvent, StartedSession } from '../../../../src/engine/index.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import {
  ada,
  bob,
  deliver,
  isUnavailable,
  newMessage,
  request,
  rules,
  saveGuest,
  startSession,
  whileOpen,
} from '../../../../src/engine/suite/kit.js'
import { ask } from '../../../../src/engine/suite/webhook-kit.js'
import { adopt } from '../../../support/engine/calls.js'
import { lossyClient, type Fate } from '../../../support/redis/lossy-client.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const KEY = 'the key of the session'

const server = await standalone()

const isSubset = (part: object, whole: object): boolean => isDeepStrictEqual({ ...whole, ...part }, whole)

/** Checks what the engine emits after a call whose reply is lost. `body` makes the call, whose script has this `name`. */
const afterLostReply = async (
  name: string,
  body: (engine: Engine, session: StartedSession) => Promise<unknown>,
  expected: (session: StartedSession) => Partial<EngineEvent>,
  fates: readonly Fate[] = ['lost-reply', 'late', 'repeated'],
): Promise<void> => {
  for (const fate of fates) {
    let isLost = false
    const { client, settled } = lossyClient({ type: 'single', url: server.url }, (script) =>
      isLost && script === name ? fate : undefined,
    )
    const engine = createSharedEngine({
      client: () => client,
      prefix: `${name} ${fate}:`,
      // With this interval no comparison of all users finds the message before the test gives up.
      compareInterval: 1_000_000,
      onError: assert.ifError,
    })
    await whileOpen(engine, async () => {
      await ask(engine)
      const session = await startSession(engine, request(ada, { keyHash: KEY }))
      await deliver(engine, { from: null, to: ada.userId })
      await until(
        'no event is due',
        async () => (await engine.takeDueEvents(ada.appId, 100, 60_000)).length,
        0,
      )
      const events: EngineEvent[] = []
      engine.listen((event) => events.push(event), new AbortController().signal)
      isLost = true
      const result = body(engine, session)
      if (fate === 'repeated') await result
      else await assert.rejects(result, isUnavailable)
      isLost = false
      await settled()
      const awaited = expected(session)
      const found = (): EngineEvent[] => events.filter((event) => isSubset(awaited, event))
      await until(`${awaited.type ?? 'an event'} is emitted`, () => found().length > 0)
      if (awaited.type === 'session-ended') assert.equal(found().length, 1)
    })
  }
}

it('ends a session here whose user was revoked', () =>
  afterLostReply(
    'revoke',
    (engine) => engine.revokeUser(ada, { issuedBefore: null, mode: 'end' }),
    ({ sessionId }) => ({ type: 'session-ended', session: { ...ada, sessionId }, code: 'revoked' }),
  ))

it('ends a session here that a backend has ended', () =>
  afterLostReply(
    'endSession',
    (engine, session) => engine.endSession(session, 'refused'),
    ({ sessionId }) => ({ type: 'session-ended', session: { ...ada, sessionId }, code: 'refused' }),
  ))

it('ends a session here that made room for another one', () =>
  afterLostReply(
    'startSession',
    (engine) => engine.startSession(request(ada, { sessionsPerUser: 1 })),
    ({ sessionId }) => ({ type: 'session-ended', session: { ...ada, sessionId }, code: 'too-many-sessions' }),
    // A late start is refused.
    ['lost-reply'],
  ))

it('tells a connection here that it carries its session no longer, after another one has resumed it', () =>
  afterLostReply(
    'startSession',
    (engine) => engine.startSession(request(ada, { resumes: KEY })),
    // It was replaced; once the start is undone, the session is detached.
    ({ sessionId }) => ({ session: { ...ada, sessionId } }),
    ['lost-reply'],
  ))

it('emits a profile that was saved', () =>
  afterLostReply(
    'saveUser',
    async (engine) => engine.saveUser(ada, { claimed: { name: 'Ada' } }),
    () => ({ type: 'user-changed' }),
  ))

it('emits a read mark that has moved', () =>
  afterLostReply(
    'markRead',
    async (engine) => engine.markRead(ada, { epoch: (await engine.inbox(ada)).epoch, offset: 1 }),
    () => ({ type: 'read' }),
  ))

it('emits a read mark of a peer that has moved', () =>
  afterLostReply(
    'markRead',
    async (engine) => engine.markPeerRead(ada, null, { epoch: (await engine.inbox(ada)).epoch, offset: 1 }),
    () => ({ type: 'read', peer: { id: null, unread: 0, readOffset: 1 } }),
  ))

it('emits how many messages are unread after those of an adopted guest, some of which are read', () =>
  afterLostReply(
    'appendAdopted',
    async (engine) => {
      const guest = { ...ada, userId: 'guest:visitor' }
      await saveGuest(engine, guest)
      await deliver(engine, { from: null, to: guest.userId })
      const { epoch } = await engine.inbox(guest)
      await engine.markRead(guest, { epoch, offset: 1 })
      assert.equal((await adopt(engine, ada, guest.userId))?.messages, 1)
    },
    () => ({ type: 'read' }),
    // If the call fails, the adoption succeeds all the same, and the sweeper moves the messages.
    ['repeated'],
  ))

it('emits a message that was stored', () =>
  afterLostReply(
    'send',
    (engine) => engine.send(newMessage({ from: null, to: ada.userId }), rules()),
    () => ({ type: 'message', user: ada }),
  ))

it('emits the own copy of a message that was stored', () =>
  afterLostReply(
    'send',
    (engine) => engine.send(newMessage({ to: bob.userId }), rules()),
    () => ({ type: 'message', user: ada }),
  ))

it('asks for the webhook events of a change', () =>
  afterLostReply(
    'send',
    (engine) => engine.send(newMessage({ from: null, to: bob.userId }), rules()),
    () => ({ type: 'webhooks-due', appId: ada.appId }),
  ))

it('rejects a page of sessions by one rejection, though the reads of several users fail', async () => {
  const server = await standalone()
  let isLost = false
  const { client } = lossyClient({ type: 'single', url: server.url }, (script) =>
    isLost && script === 'listSessions' ? 'lost-reply' : undefined,
  )
  const engine = createSharedEngine({ client: () => client, onError: assert.ifError })
  await engine.open()
  try {
    for (const userId of ['ada', 'bob', 'cid']) await startSession(engine, request({ ...ada, userId }))
    isLost = true
    // Node ends a process for a rejection that nobody handles.
    await assert.rejects(engine.appSessions(ada.appId, null, 10), isUnavailable)
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    isLost = false
    await engine.close()
  }
})
