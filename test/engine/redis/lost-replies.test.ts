// The events for a node are in the replies to its calls. If a reply is lost, the node finds out what it missed.
import { withServer, type OpenNode, type SimulatedNode } from '../../support/redis/simulated/nodes.js'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Engine, EngineEvent, StartedSession } from '../../../src/engine/index.js'
import {
  ada,
  app,
  bob,
  bodies,
  deliver,
  isUnavailable,
  newMessage,
  request,
  rules,
  saveGuest,
  startSession,
} from '../../../src/engine/suite/kit.js'
import { ask, pending } from '../../../src/engine/suite/webhook-kit.js'
import { adopt, saveDevice } from '../../support/engine/calls.js'
import type { Loss } from '../../support/redis/simulated/client.js'
import type { SimulatedServer } from '../../support/redis/simulated/server.js'
import { until } from '../../support/until.js'

/** What becomes of the calls of scripts: a request or reply is lost, also when it is sent again, or Redis runs the script twice. */
type Fate = Loss | 'repeated'
type Fates = Map<string, Fate>

/** With this interval no comparison of all users finds an event before the test gives up. */
const NEVER = 1_000_000
const KEY = 'the key of the session'
const onError = assert.ifError

/** Opens a node whose scripts have these fates. */
const openWith = (open: OpenNode, fates: Fates, more = {}): Promise<SimulatedNode> =>
  open({
    lossOf: (name, isRepeat) => {
      const fate = fates.get(name)
      return fate === 'repeated' ? (isRepeat ? undefined : 'reply') : fate
    },
    ...{ onError, compareInterval: NEVER, ...more },
  })

const isSubset = (part: object, whole: object): boolean => isDeepStrictEqual({ ...whole, ...part }, whole)

interface Case {
  what: string
  /** The script whose reply is lost, and the call that runs it. */
  script: string
  call: (engine: Engine, session: StartedSession) => Promise<unknown>
  emits: (session: StartedSession) => Partial<EngineEvent>
  fates?: readonly Fate[]
}

const cases: Case[] = [
  {
    what: 'the end of a session here whose user was revoked',
    script: 'revoke',
    call: (engine) => engine.revokeUser(ada, { issuedBefore: null, mode: 'end' }),
    emits: ({ sessionId }) => ({ type: 'session-ended', session: { ...ada, sessionId }, code: 'revoked' }),
  },
  {
    what: 'the end of a session here that a backend has ended',
    script: 'endSession',
    call: (engine, session) => engine.endSession(session, 'refused'),
    emits: ({ sessionId }) => ({ type: 'session-ended', session: { ...ada, sessionId }, code: 'refused' }),
    fates: ['reply', 'late'],
  },
  {
    what: 'the end of a session here that made room for another one',
    script: 'startSession',
    call: (engine) => engine.startSession(request(ada, { sessionsPerUser: 1 })),
    emits: ({ sessionId }) => ({
      ...{ type: 'session-ended', session: { ...ada, sessionId }, code: 'too-many-sessions' },
    }),
    // A late start is refused.
    fates: ['reply'],
  },
  {
    what: 'that a connection here carries its session no longer, after another one has resumed it',
    script: 'startSession',
    call: (engine) => engine.startSession(request(ada, { resumes: KEY })),
    // It was replaced; once the start is undone, the session is detached.
    emits: ({ sessionId }) => ({ session: { ...ada, sessionId } }),
    fates: ['reply'],
  },
  {
    what: 'a profile that was saved',
    script: 'saveUser',
    call: (engine) => engine.saveUser(ada, { claimed: { name: 'Ada' } }),
    emits: () => ({ type: 'user-changed' }),
    fates: ['reply', 'late'],
  },
  {
    what: 'a read mark that has moved',
    script: 'markRead',
    call: async (engine) => engine.markRead(ada, { epoch: (await engine.inbox(ada)).epoch, offset: 1 }),
    emits: () => ({ type: 'read' }),
  },
  {
    what: 'a read mark of a peer that has moved',
    script: 'markRead',
    call: async (engine) =>
      engine.markPeerRead(ada, null, { epoch: (await engine.inbox(ada)).epoch, offset: 1 }),
    emits: () => ({ type: 'read', peer: { id: null, unread: 0, readOffset: 1 } }),
  },
  {
    what: 'how many messages are unread after those of an adopted guest, some of which are read',
    script: 'appendAdopted',
    call: async (engine) => {
      const guest = { ...ada, userId: 'guest:visitor' }
      await saveGuest(engine, guest)
      await deliver(engine, { from: null, to: guest.userId })
      const { epoch } = await engine.inbox(guest)
      await engine.markRead(guest, { epoch, offset: 1 })
      assert.equal((await adopt(engine, ada, guest.userId))?.messages, 1)
    },
    emits: () => ({ type: 'read' }),
    // If the call fails, the adoption succeeds all the same, and the sweeper moves the messages.
    fates: ['repeated'],
  },
  {
    what: 'a message that was stored',
    script: 'send',
    call: (engine) => engine.send(newMessage({ from: null, to: ada.userId }), rules()),
    emits: () => ({ type: 'message', user: ada }),
  },
  {
    what: 'the own copy of a message that was stored',
    script: 'send',
    call: (engine) => engine.send(newMessage({ to: bob.userId }), rules()),
    emits: () => ({ type: 'message', user: ada }),
  },
  {
    what: 'that webhook events are due',
    script: 'send',
    call: (engine) => engine.send(newMessage({ from: null, to: bob.userId }), rules()),
    emits: () => ({ type: 'webhooks-due', appId: app }),
  },
]

const everyFate: readonly Fate[] = ['reply', 'late', 'repeated']

void describe('a node emits', () => {
  for (const { what, script, call, emits, fates = everyFate } of cases)
    for (const fate of fates)
      void it(`${what}: ${fate}`, () =>
        withServer(async (_server, open) => {
          const lost: Fates = new Map()
          const { engine, events } = await openWith(open, lost)
          await ask(engine)
          const session = await startSession(engine, request(ada, { keyHash: KEY }))
          await deliver(engine, { from: null, to: ada.userId })
          await until('no event is due', async () => (await engine.takeDueEvents(app, 100, NEVER)).length, 0)
          events.length = 0
          lost.set(script, fate)
          const result = call(engine, session)
          if (fate === 'repeated') await result
          else await assert.rejects(result, isUnavailable)
          lost.clear()
          const awaited = emits(session)
          const found = (): EngineEvent[] => events.filter((event) => isSubset(awaited, event))
          await until('the event', () => found().length > 0)
          if (awaited.type === 'session-ended') assert.equal(found().length, 1)
        }))
})

void describe('a start whose reply is lost', () => {
  const tokensOf = (server: SimulatedServer): string[] =>
    server.keys('').filter((key) => key.includes('}:token:'))

  for (const fate of ['request', 'reply', 'late'] as const) {
    void it(`leaves no session, no place that counts and no token: ${fate}`, () =>
      withServer(async (server, open) => {
        const { engine } = await openWith(open, new Map([['startSession', fate]]))
        await assert.rejects(engine.startSession(request(ada)), isUnavailable)
        await until('no session', async () => (await engine.sessions(ada)).length, 0)
        const { online, sessions } = await engine.status(ada)
        assert.deepEqual([online, sessions, (await engine.usage(app)).sessions], [false, 0, 0])
        await until('no token', () => tokensOf(server).length, 0)
      }))

    void it(`lets the session be resumed by the key that its client has: ${fate}`, () =>
      withServer(async (_server, open) => {
        const fates: Fates = new Map()
        const { engine } = await openWith(open, fates)
        const first = request(ada, { keyHash: KEY })
        const session = await startSession(engine, first)
        await engine.detachSession(session, first.connectionId, 60_000)
        fates.set('startSession', fate)
        await assert.rejects(engine.startSession(request(ada, { resumes: KEY })), isUnavailable)
        await until('detached', async () => (await engine.sessions(ada))[0]?.state, 'detached')
        fates.clear()
        const resumed = await startSession(engine, request(ada, { resumes: KEY }))
        assert.deepEqual([resumed.resumed, resumed.sessionId], [true, session.sessionId])
      }))
  }

  void it('ends, and is not detached, though the sessions are compared before it can be undone', () =>
    withServer(async (_server, open) => {
      const fates: Fates = new Map()
      let compared = 0
      const before = (name: string): void => void (compared += Number(name === 'readCarried'))
      const { engine } = await openWith(open, fates, { before, onError: () => undefined })
      await ask(engine, ['session.ended'])
      await startSession(engine, request(ada))
      fates.set('startSession', 'reply').set('abandonSession', 'request')
      await assert.rejects(engine.startSession(request(ada)), isUnavailable)
      // When the second comparison begins, the first one has ended.
      await until('two comparisons', () => compared >= 2)
      fates.clear()
      await until('one session', async () => (await engine.sessions(ada)).length, 1)
      assert.deepEqual(
        (await pending(engine)).map(({ event }) => event.data['code']),
        ['ended'],
      )
    }))

  void it('tells the connection that it has replaced, though the next start comes at once', () =>
    withServer(async (_server, open) => {
      const fates: Fates = new Map()
      const { engine, events } = await openWith(open, fates, { onError: () => undefined })
      const first = request(ada, { keyHash: KEY })
      const { sessionId } = await startSession(engine, first)
      fates.set('startSession', 'reply')
      // The comparison after the lost reply succeeds only after the next start.
      fates.set('readCarried', 'request')
      await assert.rejects(engine.startSession(request(ada, { resumes: KEY })), isUnavailable)
      fates.delete('startSession')
      await startSession(engine, request(ada, { resumes: KEY }))
      fates.clear()
      const { connectionId } = first
      const told = { type: 'connection-replaced', session: { ...ada, sessionId }, connectionId } as const
      await until('the first connection is told', () => events.some((event) => isSubset(told, event)))
    }))

  for (const [script, tries] of [
    ['abandonSession', 2],
    ['endSession', 1],
  ] as const)
    void it(`is undone before its node closes, as is each session that ends: ${script}`, () =>
      withServer(async (_server, open) => {
        const lost = { startSession: 0, endSession: 0, abandonSession: 0 }
        lost[script] = tries
        const lossOf = (name: string): Loss | undefined => {
          if (!(name in lost) || lost[name as keyof typeof lost] === 0) return undefined
          lost[name as keyof typeof lost]--
          return name === 'startSession' ? 'reply' : 'request'
        }
        const [stays, leaves] = [await open(), await open({ lossOf })]
        const asked = request(ada, { resumableFor: 600_000 })
        if (script === 'abandonSession') {
          lost.startSession = 1
          await assert.rejects(leaves.engine.startSession(asked), isUnavailable)
        } else {
          const session = await startSession(leaves.engine, asked)
          await assert.rejects(leaves.engine.endSession(session, 'ended', asked.connectionId), isUnavailable)
        }
        await until('the change has failed', () => lost[script], 0)
        await leaves.engine.close()
        assert.deepEqual(await stays.engine.sessions(ada), [])
      }))
})

void describe('a script that Redis runs twice', () => {
  const repeating = (script: string, body: (node: SimulatedNode) => Promise<void>): Promise<void> =>
    withServer(async (_server, open) => body(await openWith(open, new Map([[script, 'repeated']]))))

  void it('counts a failed delivery as one attempt', () =>
    repeating('endDelivery', async ({ engine }) => {
      await ask(engine, ['message.created'])
      await deliver(engine)
      for (const attempts of [1, 2]) {
        const { event } = (await pending(engine))[0] ?? assert.fail('no event is pending')
        const outcome = { retryAfter: 60_000, error: 'The endpoint is down.' }
        await engine.endDelivery(app, event.userId, event.id, outcome)
        const [after] = await pending(engine)
        assert.deepEqual([after?.attempts, after?.lastError], [attempts, outcome.error])
      }
    }))

  void it('takes the rate of a message once in a cluster', () =>
    withServer(async (_server, open) => {
      const { engine } = await openWith(open, new Map([['readSender', 'repeated']]), { isCluster: true })
      const { outcome } = await engine.send(newMessage(), rules({ messagesPerSecond: 1 }))
      assert.equal(outcome, 'stored')
    }))

  void it('tells of a push that is due', () =>
    repeating('due', async ({ engine, events }) => {
      await engine.saveUser(bob, {})
      await saveDevice(engine, bob)
      await deliver(engine, { from: ada.userId }, { pushAfter: 1 })
      const told = (): unknown[] => events.flatMap((event) => (event.type === 'push-due' ? [event.user] : []))
      await until('the push', () => told().length > 0)
      assert.deepEqual(told(), [bob])
    }))

  for (const fate of ['request', 'repeated'] as const)
    void it(`stores a message once: ${fate}`, () =>
      withServer(async (_server, open) => {
        let isLost = true
        const { engine } = await open({
          lossOf: (name) => {
            if (name !== 'send' || !isLost) return undefined
            isLost = false
            return fate === 'request' ? fate : 'reply'
          },
        })
        assert.equal((await engine.send(newMessage(), rules())).outcome, 'stored')
        assert.equal(isLost, false)
        assert.deepEqual(await bodies(engine, bob), ['Hello'])
      }))
})

void it('a page of sessions is rejected once, though the reads of several users fail', () =>
  withServer(async (_server, open) => {
    const fates: Fates = new Map()
    const { engine } = await openWith(open, fates)
    for (const userId of ['ada', 'bob', 'cid']) await startSession(engine, request({ ...ada, userId }))
    for (const script of ['listSessions', 'several']) fates.set(script, 'reply')
    // Node ends a process for a rejection that nobody handles.
    await assert.rejects(engine.appSessions(app, null, 10), isUnavailable)
    await new Promise((resolve) => setImmediate(resolve))
  }))
