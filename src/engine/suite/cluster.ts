import assert from 'node:assert/strict'
import type { EngineEvent, CheckedMessage } from '../engine.js'
import {
  ada,
  app,
  bob,
  bodies,
  deliver,
  idsOf,
  newMessage,
  nextEvents,
  request,
  rules,
  start,
  startSession,
  until,
  type SuiteContext,
} from './kit.js'
import { ask, pending } from './webhook-kit.js'

/** Milliseconds for which the engine leases an event. */
const LEASE = 60_000

/** A part of the suite: two engines on the same data, one for each of two gateways. Only engines that share their data run it. */
export const clusterSuite = ({ describe, onTwo, createPeer }: SuiteContext): void => {
  if (!createPeer) return

  describe('two engines on the same data', () => {
    onTwo('have one key, and one epoch of each inbox', async (one, two) => {
      assert.deepEqual(await one.key(), await two.key())
      assert.equal((await one.inbox(ada)).epoch, (await two.inbox(ada)).epoch)
    })

    onTwo('emit each message once and in order at the engine of the session', async (one, two) => {
      await start(one, ada)
      await start(two, bob)
      const count = 100
      const received = nextEvents(two, 'message', count)
      const own = nextEvents(one, 'message', count)
      await Promise.all(Array.from({ length: count }, (_, n) => deliver(n % 2 ? one : two, { data: { n } })))
      const offsets = Array.from({ length: count }, (_, n) => n + 1)
      for (const [events, of] of [
        [await received, bob],
        [await own, ada],
      ] as const) {
        assert.deepEqual(
          events.map(({ message }) => message.offset),
          offsets,
        )
        const { epoch } = await one.inbox(of)
        const { messages } = await one.messagesAfter(of, { epoch, offset: 0 }, count)
        assert.deepEqual(
          events.map(({ message }) => message),
          messages,
        )
      }
    })

    onTwo('store one message of an id that both are given at once', async (one, two) => {
      const message = newMessage()
      const sent = await Promise.all([one, two, one, two].map((engine) => engine.send(message, rules())))
      assert.deepEqual(sent.map(({ outcome }) => outcome).toSorted(), [
        ...['repeated', 'repeated', 'repeated'],
        'stored',
      ])
      assert.deepEqual(await bodies(one, bob), ['Hello'])
      assert.deepEqual(await bodies(two, ada), ['Hello'])
    })

    onTwo("limit a sender's messages in a second together", async (one, two) => {
      const limit = 2
      const limited = (n: number, more: Partial<CheckedMessage> = {}) =>
        (n % 2 ? one : two).send(newMessage(more), rules({ messagesPerSecond: limit }))
      const since = performance.now()
      // The second recipient is the sender. The data of the other recipients are perhaps on other servers, and the limit holds there too.
      const to = [bob.userId, ada.userId, 'cy', 'dan']
      const sent = await Promise.all(
        Array.from({ length: 16 }, (_, n) => limited(n, { to: to[n >> 2] ?? '' })),
      )
      const stored = sent.filter(({ outcome }) => outcome === 'stored').length
      const most = limit * (1 + (performance.now() - since) / 1_000)
      assert.ok(stored >= limit && stored <= most, `${stored} were stored`)
      for (const each of sent) {
        if (each.outcome === 'stored') continue
        assert.ok(each.outcome === 'limited' && each.retryAfter > 0 && each.retryAfter <= 1_000)
      }
      assert.equal((await limited(0, { from: bob.userId })).outcome, 'stored')
      await deliver(one)
      await until('the sender may send again', async () => (await limited(1)).outcome === 'stored')
    })

    onTwo('emit read marks, changes of users and ends where the session is', async (one, two) => {
      await one.saveUser(bob, {})
      const session = await start(two, bob)
      await deliver(one)
      const [read, changed, ended] = [
        nextEvents(two, 'read'),
        nextEvents(two, 'user-changed'),
        nextEvents(two, 'session-ended'),
      ]
      const { epoch } = await one.inbox(bob)
      const inbox = await one.markRead(bob, { epoch, offset: 1 })
      const { user } = await one.saveUser(bob, { claimed: { name: 'Bob' } })
      assert.equal(await one.endSession(session, 'revoked'), true)
      assert.deepEqual(await read, [{ type: 'read', user: bob, inbox }])
      assert.deepEqual(await changed, [{ type: 'user-changed', user }])
      assert.deepEqual(await ended, [
        { type: 'session-ended', session: { ...bob, sessionId: session.sessionId }, code: 'revoked' },
      ])
    })

    onTwo('revoke users, apps and tokens for both', async (one, two) => {
      const credential = {
        authMethod: 'token',
        tokenId: 'one',
        issuedAt: Date.now(),
        expiresAt: null,
      } as const
      const byToken = await startSession(two, request(bob, { credential }))
      const ended = nextEvents(two, 'session-ended', 2)
      await one.revokeToken(app, 'one')
      assert.equal(await two.startSession(request(bob, { credential })), null)
      const later = await start(two, bob)
      await one.revokeUser(bob, { issuedBefore: null, mode: 'end' })
      assert.deepEqual(
        (await ended).map(({ session }) => session.sessionId),
        idsOf([byToken, later]),
      )
      // The next credential is issued within these 30 seconds, even on a busy machine, and so it is revoked.
      await one.revokeApp(app, { issuedBefore: Date.now() + 30_000, mode: 'end' })
      assert.equal(await two.startSession(request(ada)), null)
    })

    onTwo('move a session, and ignore the connection that carried it', async (one, two) => {
      const asked = request(ada)
      const session = await startSession(one, asked)
      const replaced = nextEvents(one, 'connection-replaced')
      const again = request(ada, { resumes: asked.keyHash })
      const resumed = await startSession(two, again)
      assert.deepEqual([resumed.resumed, resumed.sessionId], [true, session.sessionId])
      assert.equal((await replaced)[0]?.connectionId, asked.connectionId)
      await one.touchSession(session, asked.connectionId, { rtt: 5 })
      await one.setHidden(session, asked.connectionId, true)
      await one.detachSession(session, asked.connectionId, 0)
      assert.equal(await one.endSession(session, 'ended', asked.connectionId), false)
      const [found] = await two.sessions(ada)
      assert.deepEqual([found?.state, found?.rtt, found?.hidden], ['active', null, false])
      const received = nextEvents(two, 'message')
      await deliver(one, { to: ada.userId, from: null })
      assert.equal((await received)[0]?.message.offset, 1)
    })

    onTwo('end a session once, though both end it at once', async (one, two) => {
      const session = await start(one, ada)
      const events: EngineEvent[] = []
      const life = new AbortController()
      one.listen((event) => events.push(event), life.signal)
      const ended = nextEvents(one, 'session-ended')
      const results = await Promise.all([one.endSession(session, 'ended'), two.endSession(session, 'ended')])
      await ended
      assert.deepEqual(results.toSorted(), [false, true])
      life.abort()
      assert.equal(events.filter(({ type }) => type === 'session-ended').length, 1)
    })

    onTwo('detach the sessions of one that is closed', async (one, two) => {
      const asked = request(ada)
      const session = await startSession(two, asked)
      await startSession(two, request(bob, { resumableFor: 20 }))
      await two.close()
      assert.equal((await one.sessions(ada))[0]?.state, 'detached')
      assert.equal((await one.status(ada)).online, true)
      await until('the short resume window is over', async () => (await one.sessions(bob)).length === 0)
      const resumed = await startSession(one, request(ada, { resumes: asked.keyHash }))
      assert.equal(resumed.sessionId, session.sessionId)
    })

    onTwo('deliver a webhook event once', async (one, two) => {
      for (const engine of [one, two]) await ask(engine, ['session.started'])
      const due = nextEvents(one, 'webhooks-due')
      await start(one, ada)
      assert.equal((await due)[0]?.appId, app)
      const taken = await Promise.all([one, two].map((engine) => engine.takeDueEvents(app, 10, LEASE)))
      const [event, ...others] = taken.flat()
      assert.ok(event)
      assert.deepEqual(others, [])
      await two.endDelivery(app, 'ada', event.event.id, { delivered: true })
      assert.deepEqual(await pending(one), [])
    })
  })
}
