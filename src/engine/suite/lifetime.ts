import assert from 'node:assert/strict'
import type { Engine } from '../engine.js'
import {
  ada,
  app,
  newMessage,
  isUnavailable,
  request,
  rules,
  start,
  vouch,
  type SuiteContext,
  saveGuest,
} from './kit.js'

/** Every method that needs an open engine. */
const calls: [string, (engine: Engine) => Promise<unknown>][] = [
  ['key', (engine) => engine.key()],
  ['user', (engine) => engine.user(ada)],
  ['saveUser', (engine) => engine.saveUser(ada, {})],
  ['changeUser', (engine) => engine.changeUser(ada, {})],
  ['admitUser', (engine) => saveGuest(engine, ada)],
  ['startSession', (engine) => start(engine, ada)],
  ['sessions', (engine) => engine.sessions(ada)],
  ['confirmSession', (engine) => engine.confirmSession({ ...ada, sessionId: 'none' }, 'none')],
  ['detachSession', (engine) => engine.detachSession({ ...ada, sessionId: 'none' }, 'none', 1)],
  ['setHidden', (engine) => engine.setHidden({ ...ada, sessionId: 'none' }, 'none', true)],
  ['endSession', (engine) => engine.endSession({ ...ada, sessionId: 'none' }, 'ended')],
  [
    'configure',
    (engine) => engine.configure(app, { retention: { messages: 1, age: 1, bytes: 1e9 }, webhooks: null }),
  ],
  ['isRevoked', (engine) => engine.isRevoked(ada, request(ada).credential)],
  [
    'renewSession',
    (engine) => engine.renewSession({ ...ada, sessionId: 'none' }, 'none', request(ada).credential),
  ],
  ['touchSession', (engine) => engine.touchSession({ ...ada, sessionId: 'none' }, 'none', { rtt: 1 })],
  ['appSessions', (engine) => engine.appSessions(app, null, 1)],
  ['revokeUser', (engine) => engine.revokeUser(ada, { issuedBefore: null, mode: 'end' })],
  ['revokeApp', (engine) => engine.revokeApp(app, { issuedBefore: null, mode: 'end' })],
  ['revokeToken', (engine) => engine.revokeToken(app, 'token')],
  ['liftRevocation', (engine) => engine.liftRevocation(ada)],
  ['status', (engine) => engine.status(ada)],
  ['users', (engine) => engine.users(app, null, 1)],
  ['deleteUser', (engine) => engine.deleteUser(ada)],
  ['usage', (engine) => engine.usage(app)],
  ['check', (engine) => engine.check()],
  ['askNode', (engine) => engine.askNode('nobody', 'question')],
  ['takeDueEvents', (engine) => engine.takeDueEvents(app, 1, 1)],
  ['endDelivery', (engine) => engine.endDelivery(app, 'ada', 'none', { delivered: true })],
  ['pendingEvents', (engine) => engine.pendingEvents(app, null, 1)],
  ['replayEvent', (engine) => engine.replayEvent(app, 'ada', 'none')],
  ['pendingSummary', (engine) => engine.pendingSummary(app)],
  ['send', (engine) => engine.send(newMessage(), rules())],
  ['inbox', (engine) => engine.inbox(ada)],
  ['messagesAfter', (engine) => engine.messagesAfter(ada, { epoch: '', offset: 0 }, 1)],
  ['messagesBefore', (engine) => engine.messagesBefore(ada, { epoch: '', offset: null }, 1)],
  ['markRead', (engine) => engine.markRead(ada, { epoch: '', offset: 1 })],
]

/** A part of the suite: opening, closing, and the engine's key. */
export const lifetimeSuite = ({ describe, it, on, reopen, create, durable }: SuiteContext): void => {
  describe('opening and closing', () => {
    for (const [name, call] of calls) {
      it(`refuses ${name} before it is opened`, async () => {
        const engine = await create()
        await assert.rejects(call(engine), isUnavailable)
      })

      it(`refuses ${name} after it is closed`, async () => {
        const engine = await create()
        await engine.open()
        await engine.close()
        await assert.rejects(call(engine), isUnavailable)
      })
    }

    on('may be repeated while the engine is open, and changes nothing then', async (engine) => {
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
      const other = await create()
      await other.open()
      try {
        assert.notDeepEqual(await other.key(), await engine.key())
      } finally {
        await other.close()
      }
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
