// After a failover the nodes store again what the new master lacks, and the epochs stay if nothing is missing then.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  ada,
  bob,
  deliver,
  newMessage,
  request,
  rules,
  startSession,
  bodies,
  credential,
  vouch,
} from '../../../../src/engine/suite/kit.js'
import { ask, pending } from '../../../../src/engine/suite/webhook-kit.js'
import type { InboxPage, UserRef } from '../../../../src/engine/index.js'
import { until, untilResolves } from '../../../support/until.js'
import type { Pair } from '../../../support/redis/replication.js'
import { reachedAt, withPair, type Node } from './pair-kit.js'

/** Reads a whole inbox, as soon as Redis answers. */
const inboxOf = ({ engine }: Node, of: UserRef): Promise<InboxPage> =>
  untilResolves('Redis answers', () => engine.messagesBefore(of, null, 100))

/** Resolves when the nodes have been open for long enough to vouch for what Redis stores from now on. */
const untilKnown = async (pair: Pair): Promise<void> => {
  const openedAt = Date.now()
  await until('a node has reached Redis since', async () => (await reachedAt(pair)) > openedAt + 1_000)
}

const epochChanges = (...nodes: Node[]): number =>
  nodes.flatMap(({ events }) => events).filter(({ type }) => type === 'epoch-changed').length

it('keeps the epochs after a failover that has lost nothing', async () => {
  await withPair(async ({ one, two, pair, failOver }) => {
    await untilKnown(pair)
    await startSession(two.engine, request(bob))
    await deliver(one.engine, { body: 'kept' })
    const before = await inboxOf(one, bob)
    await pair.cut()
    await failOver()
    assert.deepEqual(await inboxOf(two, bob), before)
    assert.equal((await deliver(one.engine, { body: 'next' })).offset, 2)
    assert.equal(epochChanges(one, two), 0)
  })
})

it('stores lost messages again, at their offsets, though each node knows only some of an inbox', async () => {
  await withPair(async ({ one, two, pair, failOver }) => {
    await untilKnown(pair)
    await startSession(one.engine, request(ada))
    await startSession(two.engine, request(bob))
    for (const { engine } of [one, two]) await ask(engine, ['message.created'])
    await deliver(one.engine, { body: 'kept', from: ada.userId })
    await pair.cut()
    const sent = newMessage({ body: 'lost 1', from: ada.userId })
    const first = await one.engine.send(sent, rules())
    for (const [n, by] of [two, one, two].entries())
      await deliver(by.engine, { body: `lost ${n + 2}`, from: n === 2 ? null : ada.userId })
    await deliver(two.engine, { body: 'back', from: bob.userId, to: ada.userId })
    const before = [await inboxOf(one, ada), await inboxOf(one, bob)]
    await failOver()
    assert.deepEqual([await inboxOf(two, ada), await inboxOf(one, bob)], before)
    // The retry finds the message.
    assert.deepEqual(await two.engine.send(sent, rules()), { ...first, outcome: 'repeated' })
    assert.equal((await deliver(one.engine, { body: 'next' })).offset, 7)
    assert.equal(epochChanges(one, two), 0)
    const created = (await pending(two.engine)).filter(({ event }) => event.type === 'message.created')
    assert.equal(created.length, 7)
  })
})

it('creates the recipient again, if the message has created the user', async () => {
  await withPair(async ({ one, pair, failOver }) => {
    await untilKnown(pair)
    await pair.cut()
    await deliver(one.engine, { to: 'new' })
    await failOver()
    const to = { ...ada, userId: 'new' }
    assert.equal((await inboxOf(one, to)).messages.length, 1)
    assert.ok(await one.engine.user(to))
  })
})

it('makes profiles, revocations and read marks again that a failover has lost', async () => {
  await withPair(async ({ one, two, pair, failOver }) => {
    await startSession(two.engine, request(bob))
    for (const n of [1, 2])
      await deliver(one.engine, { body: `message ${n}`, from: n === 1 ? null : ada.userId })
    const { inbox } = await inboxOf(one, bob)
    const credentials = { tokenId: 'token 1', issuedAt: Date.now() - 1_000, expiresAt: Date.now() + 60_000 }
    const used = { ...credential(), ...credentials }
    await one.engine.saveUser(ada, {})
    await untilKnown(pair)
    await pair.cut()
    await one.engine.saveUser(ada, { vouched: vouch({ name: 'Ada L.' }) })
    await one.engine.revokeUser(ada, { issuedBefore: null, mode: 'end' })
    await one.engine.revokeToken(ada.appId, 'token 1')
    await one.engine.markRead(bob, { epoch: inbox.epoch, offset: 1 })
    await two.engine.markPeerRead(bob, ada.userId, { epoch: inbox.epoch, offset: 2 })
    await failOver()
    await until('the marks are there', async () => (await inboxOf(two, bob)).inbox.unread, 0)
    assert.equal((await inboxOf(two, bob)).inbox.readOffset, 1)
    assert.equal((await two.engine.user(ada))?.vouched.name, 'Ada L.')
    assert.ok(await two.engine.isRevoked(ada, { ...used, tokenId: null }))
    assert.ok(await two.engine.isRevoked(bob, used))
    assert.ok(!(await two.engine.isRevoked(ada, { ...used, tokenId: null, issuedAt: Date.now() + 1_000 })))
    assert.equal(epochChanges(one, two), 0)
  })
})

it('brings no user back who was deleted', async () => {
  await withPair(async ({ one, two, pair, failOver }) => {
    await untilKnown(pair)
    const { engine } = one
    for (const name of ['Ada', 'Ada L.']) await engine.saveUser(ada, { vouched: vouch({ name }) })
    await two.engine.deleteUser(ada)
    await pair.cut()
    await failOver()
    // A message waits until the nodes have made again what they know.
    await untilResolves('Redis answers', () => deliver(engine, { from: null }))
    assert.equal(await engine.user(ada), null)
  })
})

it('begins other epochs if a node does not answer, and not before', async () => {
  await withPair(async ({ one, two, openThird, pair, failOver }) => {
    const gone = await openThird()
    await startSession(two.engine, request(bob))
    await untilKnown(pair)
    await pair.cut()
    await deliver(gone.engine, { body: 'lost' })
    const before = await inboxOf(one, bob)
    await gone.cutOff()
    await failOver()
    const after = await inboxOf(one, bob)
    assert.notEqual(after.inbox.epoch, before.inbox.epoch)
    assert.deepEqual(after.messages, [])
    await until('the node of the session is told', () => epochChanges(two) === 1)
  })
})

it('stores lost messages again though other epochs begin, once, and a retry finds them', async () => {
  await withPair(async ({ one, openThird, pair, failOver }) => {
    const gone = await openThird()
    await untilKnown(pair)
    await deliver(one.engine, { body: 'kept', from: ada.userId })
    await pair.cut()
    await deliver(gone.engine, { body: 'nobody has it' })
    const sent = newMessage({ body: 'lost', from: ada.userId })
    await one.engine.send(sent, rules())
    const { inbox } = await inboxOf(one, bob)
    await gone.cutOff()
    await failOver()
    for (const of of [ada, bob]) {
      await until('the message is there', async () => (await inboxOf(one, of)).messages.length, 2)
      assert.deepEqual(await bodies(one.engine, of), ['kept', 'lost'])
    }
    assert.notEqual((await inboxOf(one, bob)).inbox.epoch, inbox.epoch)
    const again = await one.engine.send(sent, rules())
    assert.ok(again.outcome === 'repeated' && again.offset === 2)
  })
})

it('keeps the order of a sender whose node stood still, though the others have gone on without it', async () => {
  let isStill = false
  const [onGoOn, onSent] = [new EventTarget(), new EventTarget()]
  await withPair(async ({ one, openThird, pair, failOver }) => {
    const still = await openThird(async (script) => {
      if (isStill) await once(onGoOn, 'go-on')
      if (script === 'send') onSent.dispatchEvent(new Event('send'))
      // What the node sends next is on its way before it stores the lost message again.
      if (script === 'restoreMessage') await sent
    })
    await one.engine.saveUser(ada, {})
    await untilKnown(pair)
    await pair.cut()
    await deliver(still.engine, { body: 'lost', from: ada.userId })
    const sent = once(onSent, 'send').then(() => nextTurn())
    isStill = true
    await failOver()
    await untilResolves('the others have gone on', () => deliver(one.engine, { to: 'other', from: null }))
    isStill = false
    onGoOn.dispatchEvent(new Event('go-on'))
    await deliver(still.engine, { body: 'next', from: ada.userId })
    assert.deepEqual(await bodies(one.engine, bob), ['lost', 'next'])
  })
})
