// After a failover the nodes store again what the new master lacks, and the epochs stay if nothing is missing then.
import { keysOf, withServer, type OpenNode, type SimulatedNode } from '../../support/redis/simulated/nodes.js'
import type { SimulatedServer } from '../../support/redis/simulated/server.js'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { InboxPage, UserRef } from '../../../src/engine/index.js'
import { STATE } from '../../../src/engine/redis/fields.js'
import {
  ada,
  app,
  bob,
  bodies,
  credential,
  deliver,
  isUnavailable,
  newMessage,
  nextEvents,
  request,
  rules,
  start,
  startSession,
  vouch,
} from '../../../src/engine/suite/kit.js'
import { ask, pending } from '../../../src/engine/suite/webhook-kit.js'
import { until, untilResolves } from '../../support/until.js'

/** Reads a whole inbox, as soon as Redis answers. */
const inboxOf = ({ engine }: Pick<SimulatedNode, 'engine'>, of: UserRef): Promise<InboxPage> =>
  untilResolves('Redis answers', () => engine.messagesBefore(of, null, 100))

const epochChanges = (...nodes: SimulatedNode[]): number =>
  nodes.flatMap(({ events }) => events).filter(({ type }) => type === 'epoch-changed').length

interface Failover {
  one: SimulatedNode
  two: SimulatedNode
  open: OpenNode
  /** Resolves when the nodes have been open for long enough to vouch for what Redis stores from now on. */
  untilKnown: () => Promise<void>
  /** From now on the replica receives nothing more. */
  cut: () => void
  failOver: () => void
  server: SimulatedServer
}

const onFailover = (what: string, body: (failover: Failover) => Promise<void>): void =>
  void it(what, () =>
    withServer(async (server, open) => {
      const [one, two] = [await open(), await open()]
      let copy = server.save()
      const untilKnown = async (): Promise<void> => {
        const known = Date.now() + 1_000
        const reachedAt = (): number => Number(server.command('HGET', `${keysOf()}state`, STATE.reachedAt))
        await until('a node has reached Redis since', () => reachedAt() > known)
      }
      const cut = (): void => void (copy = server.save())
      await body({ one, two, open, untilKnown, cut, failOver: () => server.restore(copy), server })
    }),
  )

void describe('after a failover', () => {
  onFailover('the epochs stay if nothing was lost', async ({ one, two, untilKnown, cut, failOver }) => {
    await untilKnown()
    await startSession(two.engine, request(bob))
    await deliver(one.engine, { body: 'kept' })
    const before = await inboxOf(one, bob)
    cut()
    failOver()
    assert.deepEqual(await inboxOf(two, bob), before)
    assert.equal((await deliver(one.engine, { body: 'next' })).offset, 2)
    assert.equal(epochChanges(one, two), 0)
  })

  onFailover(
    'lost messages are stored again, at their offsets, though each node knows only some of an inbox',
    async ({ one, two, untilKnown, cut, failOver }) => {
      await untilKnown()
      await startSession(one.engine, request(ada))
      await startSession(two.engine, request(bob))
      for (const { engine } of [one, two]) await ask(engine, ['message.created'])
      await deliver(one.engine, { body: 'kept', from: ada.userId })
      cut()
      const sent = newMessage({ body: 'lost 1', from: ada.userId })
      const first = await one.engine.send(sent, rules())
      for (const [n, by] of [two, one, two].entries())
        await deliver(by.engine, { body: `lost ${n + 2}`, from: n === 2 ? null : ada.userId })
      await deliver(two.engine, { body: 'back', from: bob.userId, to: ada.userId })
      const before = [await inboxOf(one, ada), await inboxOf(one, bob)]
      failOver()
      assert.deepEqual([await inboxOf(two, ada), await inboxOf(one, bob)], before)
      // The retry finds the message.
      assert.deepEqual(await two.engine.send(sent, rules()), { ...first, outcome: 'repeated' })
      assert.equal((await deliver(one.engine, { body: 'next' })).offset, 7)
      assert.equal(epochChanges(one, two), 0)
      const created = (await pending(two.engine)).filter(({ event }) => event.type === 'message.created')
      assert.equal(created.length, 7)
    },
  )

  onFailover('a recipient exists again whom a lost message had created', async (given) => {
    const { one, untilKnown, cut, failOver } = given
    await untilKnown()
    cut()
    await deliver(one.engine, { to: 'new' })
    failOver()
    const to = { ...ada, userId: 'new' }
    assert.equal((await inboxOf(one, to)).messages.length, 1)
    assert.ok(await one.engine.user(to))
  })

  onFailover(
    'lost profiles, revocations and read marks are made again',
    async ({ one, two, untilKnown, cut, failOver }) => {
      await startSession(two.engine, request(bob))
      for (const n of [1, 2])
        await deliver(one.engine, { body: `message ${n}`, from: n === 1 ? null : ada.userId })
      const { inbox } = await inboxOf(one, bob)
      const credentials = { tokenId: 'token 1', issuedAt: Date.now() - 1_000, expiresAt: Date.now() + 60_000 }
      const used = { ...credential(), ...credentials }
      await one.engine.saveUser(ada, {})
      await untilKnown()
      cut()
      await one.engine.saveUser(ada, { vouched: vouch({ name: 'Ada L.' }) })
      await one.engine.revokeUser(ada, { issuedBefore: null, mode: 'end' })
      await one.engine.revokeToken(app, 'token 1')
      await one.engine.markRead(bob, { epoch: inbox.epoch, offset: 1 })
      await two.engine.markPeerRead(bob, ada.userId, { epoch: inbox.epoch, offset: 2 })
      failOver()
      await until('the marks are there', async () => (await inboxOf(two, bob)).inbox.unread, 0)
      assert.equal((await inboxOf(two, bob)).inbox.readOffset, 1)
      assert.equal((await two.engine.user(ada))?.vouched.name, 'Ada L.')
      const later = Date.now() + 1_000
      assert.ok(await two.engine.isRevoked(ada, { ...used, tokenId: null }))
      assert.ok(await two.engine.isRevoked(bob, used))
      assert.ok(!(await two.engine.isRevoked(ada, { ...used, tokenId: null, issuedAt: later })))
      assert.equal(epochChanges(one, two), 0)
    },
  )

  onFailover('no user comes back who was deleted', async ({ one, two, untilKnown, cut, failOver }) => {
    await untilKnown()
    for (const name of ['Ada', 'Ada L.']) await one.engine.saveUser(ada, { vouched: vouch({ name }) })
    await two.engine.deleteUser(ada)
    cut()
    failOver()
    // A message waits until the nodes have made again what they know.
    await untilResolves('Redis answers', () => deliver(one.engine, { from: null }))
    assert.equal(await one.engine.user(ada), null)
  })

  onFailover(
    'other epochs begin if a node does not answer, and not before',
    async ({ one, two, open, untilKnown, cut, failOver }) => {
      const gone = await open()
      await startSession(two.engine, request(bob))
      await untilKnown()
      cut()
      await deliver(gone.engine, { body: 'lost' })
      const before = await inboxOf(one, bob)
      gone.client.disconnect()
      failOver()
      const after = await inboxOf(one, bob)
      assert.notEqual(after.inbox.epoch, before.inbox.epoch)
      assert.deepEqual(after.messages, [])
      await until('the node of the session is told', () => epochChanges(two) === 1)
    },
  )

  onFailover(
    'lost messages are stored again though other epochs begin, once, and a retry finds them',
    async ({ one, open, untilKnown, cut, failOver }) => {
      const gone = await open()
      await untilKnown()
      await deliver(one.engine, { body: 'kept', from: ada.userId })
      cut()
      await deliver(gone.engine, { body: 'nobody has it' })
      const sent = newMessage({ body: 'lost', from: ada.userId })
      await one.engine.send(sent, rules())
      const { inbox } = await inboxOf(one, bob)
      gone.client.disconnect()
      failOver()
      for (const of of [ada, bob]) {
        await until('the message is there', async () => (await inboxOf(one, of)).messages.length, 2)
        assert.deepEqual(await bodies(one.engine, of), ['kept', 'lost'])
      }
      assert.notEqual((await inboxOf(one, bob)).inbox.epoch, inbox.epoch)
      const again = await one.engine.send(sent, rules())
      assert.ok(again.outcome === 'repeated' && again.offset === 2)
    },
  )

  for (const to of [bob.userId, 'carl'])
    onFailover(
      `lost messages to bob and then to ${to} keep their order if other epochs begin while they are stored again`,
      async ({ open, untilKnown, cut, failOver, server }) => {
        const generation = (): unknown => server.command('HGET', `${keysOf()}state`, STATE.generation)
        let first = generation()
        let calls = 0
        const [{ engine }, gone] = [
          await open({
            // The second message waits for other epochs, while the first has met the ones from before.
            before: (name) =>
              name === 'restoreMessage' && ++calls % 2 === 0
                ? until('other epochs', () => generation() !== first)
                : undefined,
          }),
          await open(),
        ]
        await untilKnown()
        cut()
        await deliver(gone.engine, { body: 'nobody has it' })
        await deliver(engine, { body: 'first', from: ada.userId })
        await deliver(engine, { body: 'second', from: ada.userId, to })
        gone.client.disconnect()
        first = generation()
        failOver()
        await until('the messages are there', async () => (await inboxOf({ engine }, ada)).messages.length, 2)
        assert.deepEqual(await bodies(engine, ada), ['first', 'second'])
        assert.deepEqual(await bodies(engine, bob), to === bob.userId ? ['first', 'second'] : ['first'])
      },
    )

  onFailover(
    'a sender keeps the order whose node stood still, though the others have gone on without it',
    async ({ one, open, untilKnown, cut, failOver }) => {
      let isStill = false
      const [onGoOn, onSent] = [new EventTarget(), new EventTarget()]
      const still = await open({
        before: async (script) => {
          if (isStill) await once(onGoOn, 'go-on')
          if (script === 'send') onSent.dispatchEvent(new Event('send'))
          // What the node sends next is on its way before it stores the lost message again.
          if (script === 'restoreMessage') await sent
        },
      })
      await one.engine.saveUser(ada, {})
      await untilKnown()
      cut()
      await deliver(still.engine, { body: 'lost', from: ada.userId })
      const sent = once(onSent, 'send').then(() => nextTurn())
      isStill = true
      failOver()
      await untilResolves('the others have gone on', () => deliver(one.engine, { to: 'other', from: null }))
      isStill = false
      onGoOn.dispatchEvent(new Event('go-on'))
      await deliver(still.engine, { body: 'next', from: ada.userId })
      assert.deepEqual(await bodies(one.engine, bob), ['lost', 'next'])
    },
  )
})

void it('calls fail while Redis is away, and afterwards each node hears of messages again', () =>
  withServer(async (server, open) => {
    const [one, two] = [await open(), await open()]
    await start(two.engine, bob)
    server.stop()
    await assert.rejects(one.engine.send(newMessage(), rules()), isUnavailable)
    server.start()
    const heard = nextEvents(two.engine, 'message')
    await untilResolves('a message is stored', () => deliver(one.engine, { body: 'later' }))
    assert.equal((await heard)[0]?.message.body, 'later')
  }))
