import assert from 'node:assert/strict'
import type { Engine } from '../engine.js'
import {
  ada,
  app,
  credential,
  newMessage,
  isUnavailable,
  rules,
  start,
  vouch,
  whileOpen,
  type SuiteContext,
  saveGuest,
} from './kit.js'

const noSession = { ...ada, sessionId: 'none' }

/** A call of every method that needs an open engine. */
const calls: Record<
  Exclude<keyof Engine, 'open' | 'close' | 'listen' | 'unwatch' | 'node' | 'answerNodes'>,
  (engine: Engine) => Promise<unknown>
> = {
  key: (engine) => engine.key(),
  check: (engine) => engine.check(),
  configure: (engine) => engine.configure(app, { retention: rules().retention, webhooks: null }),
  user: (engine) => engine.user(ada),
  saveUser: (engine) => engine.saveUser(ada, {}),
  changeUser: (engine) => engine.changeUser(ada, {}),
  admitUser: (engine) => saveGuest(engine, ada),
  users: (engine) => engine.users(app, null, 1),
  status: (engine) => engine.status(ada),
  usage: (engine) => engine.usage(app),
  deleteUser: (engine) => engine.deleteUser(ada),
  adoptGuest: (engine) =>
    engine.adoptGuest({
      ...{ ...ada, userCreatedAt: 0, guestId: 'guest:1' },
      ...{ proof: null, retention: rules().retention },
    }),
  startSession: (engine) => start(engine, ada),
  confirmSession: (engine) => engine.confirmSession(noSession, 'none'),
  renewSession: (engine) => engine.renewSession(noSession, 'none', credential()),
  touchSession: (engine) => engine.touchSession(noSession, 'none', { rtt: 1 }),
  setHidden: (engine) => engine.setHidden(noSession, 'none', true),
  detachSession: (engine) => engine.detachSession(noSession, 'none', 1),
  endSession: (engine) => engine.endSession(noSession, 'ended'),
  sessions: (engine) => engine.sessions(ada),
  appSessions: (engine) => engine.appSessions(app, null, 1),
  isRevoked: (engine) => engine.isRevoked(ada, credential()),
  revokeUser: (engine) => engine.revokeUser(ada, { issuedBefore: null, mode: 'end' }),
  revokeApp: (engine) => engine.revokeApp(app, { issuedBefore: null, mode: 'end' }),
  revokeToken: (engine) => engine.revokeToken(app, 'token'),
  liftRevocation: (engine) => engine.liftRevocation(ada),
  send: (engine) => engine.send(newMessage(), rules()),
  findSent: (engine) => engine.findSent(newMessage(), rules()),
  inbox: (engine) => engine.inbox(ada),
  messagesAfter: (engine) => engine.messagesAfter(ada, { epoch: '', offset: 0 }, 1),
  messagesBefore: (engine) => engine.messagesBefore(ada, null, 1),
  markRead: (engine) => engine.markRead(ada, { epoch: '', offset: 1 }),
  exchanges: (engine) => engine.exchanges(ada, ['bob']),
  peers: (engine) => engine.peers(ada, null, 1),
  messagesWith: (engine) => engine.messagesWith(ada, 'bob', { after: 0 }, 1),
  markPeerRead: (engine) => engine.markPeerRead(ada, 'bob', { epoch: '', offset: 1 }),
  signal: (engine) => engine.signal(ada, { from: null, name: 'typing', ttl: 1 }),
  watch: (engine) => engine.watch([ada]),
  askNode: (engine) => engine.askNode('nobody', 'question'),
  savePushDevice: (engine) => {
    const keys = { p256dh: 'key', auth: 'secret' }
    const device = { endpoint: 'https://push.example.com/1', expirationTime: null, keys }
    return engine.savePushDevice(ada, device, credential())
  },
  endPushDevice: (engine) => engine.endPushDevice(ada, 'none'),
  pushDevices: (engine) => engine.pushDevices(ada),
  unreadSenders: (engine) => engine.unreadSenders(ada, 0, 1),
  seenOnPage: (engine) => engine.seenOnPage(ada, 1),
  endPushes: (engine) => engine.endPushes(ada, [], 0, null),
  takeDueEvents: (engine) => engine.takeDueEvents(app, 1, 1),
  endDelivery: (engine) => engine.endDelivery(app, 'ada', 'none', { delivered: true }),
  pendingEvents: (engine) => engine.pendingEvents(app, null, 1),
  replayEvent: (engine) => engine.replayEvent(app, 'ada', 'none'),
  pendingSummary: (engine) => engine.pendingSummary(app),
}

const assertClosed = async (engine: Engine): Promise<void> => {
  for (const [name, call] of Object.entries(calls)) await assert.rejects(call(engine), isUnavailable, name)
}

/** A part of the suite: opening, closing, and the engine's key. */
export const lifetimeSuite = ({ describe, it, on, reopen, create, durable }: SuiteContext): void => {
  describe('opening and closing', () => {
    it('makes calls possible only in between', async () => {
      const engine = await create()
      await assertClosed(engine)
      await engine.open()
      await engine.close()
      await assertClosed(engine)
    })

    on('may open an engine that is open, and changes nothing then', async (engine) => {
      const session = await start(engine, ada)
      await Promise.all([engine.open(), engine.open()])
      assert.deepEqual(await engine.sessions(ada), [session])
    })

    it('is done once by two calls at the same time', async () => {
      const engine = await create()
      await Promise.all([engine.open(), engine.open()])
      await engine.saveUser(ada, {})
      assert.notEqual(await engine.user(ada), null)
      await engine.close()
      await assert.rejects(engine.user(ada), isUnavailable)
    })

    it('may close an engine that is not open, and close it twice', async () => {
      const engine = await create()
      await engine.close()
      await engine.open()
      await Promise.all([engine.close(), engine.close()])
      await engine.close()
      await assert.rejects(engine.user(ada), isUnavailable)
    })

    on('can open the engine again', async (engine) => {
      await reopen(engine)
      await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
      assert.deepEqual((await engine.user(ada))?.vouched, { name: 'Ada' })
    })

    on('finishes pending saves at a close', async (engine) => {
      const saves = Array.from({ length: 50 }, (_, n) =>
        engine.saveUser({ appId: app, userId: `user ${n}` }, {}),
      )
      const closed = engine.close()
      const saved = await Promise.all(saves)
      await closed
      assert.ok(saved.every(({ created }) => created))
      if (!durable) return
      await engine.open()
      for (const { user } of saved) assert.deepEqual(await engine.user(user), user)
    })
  })

  describe('the key', () => {
    on('is 32 bytes, the same at every call', async (engine) => {
      const key = await engine.key()
      assert.ok(key instanceof Uint8Array)
      assert.equal(key.byteLength, 32)
      assert.deepEqual(await engine.key(), key)
    })

    on('does not change when a caller overwrites the returned bytes', async (engine) => {
      const key = await engine.key()
      const copy = key.slice()
      key.fill(0)
      assert.deepEqual(await engine.key(), copy)
    })

    on('differs between engines', async (engine) => {
      await whileOpen(await create(), async (other) =>
        assert.notDeepEqual(await other.key(), await engine.key()),
      )
    })

    if (durable) {
      on('is the same after a close', async (engine) => {
        const key = await engine.key()
        await reopen(engine)
        assert.deepEqual(await engine.key(), key)
      })
    }
  })
}
