import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Engine, SendRules } from '../../../../../src/engine/engine.js'
import { createMemoryEngine } from '../../../../../src/engine/memory/memory-engine.js'
import { MemoryStore } from '../../../../../src/engine/memory/memory-store.js'
import { saveGuest } from '../../../../../src/engine/suite/kit.js'
import { adopt } from '../../../../support/engine/calls.js'
import { engineOn, rules as lenient, withStore } from '../../../../support/engine/stores.js'
import { until } from '../../../../support/until.js'

const appId = 'app'
const rules: SendRules = { ...lenient, unreadPerSender: 0.5 }
const MESSAGES = rules.retention.messages

/** An engine that has just opened a store in which bob's inbox is full: 400 unread messages of cyd, then 600 of ada. */
const withFullInbox = async (cacheBytes?: number): Promise<{ engine: Engine; reads: () => number }> => {
  const memory = new MemoryStore()
  let reads = 0
  const store = withStore(memory, {
    getSync: (key) => {
      reads++
      return memory.getSync(key)
    },
    close: () => Promise.resolve(),
  })
  const before = await engineOn(store)
  await Promise.all(
    Array.from({ length: MESSAGES }, (_, n) =>
      before.send(
        { appId, id: `${n}`, from: n < 0.4 * MESSAGES ? 'cyd' : 'ada', to: 'bob', body: 'Hello' },
        rules,
      ),
    ),
  )
  await before.close()
  return { engine: await engineOn(store, cacheBytes === undefined ? {} : { cacheBytes }), reads: () => reads }
}

void describe('the limit of unread messages of one sender', () => {
  void it('reads a full inbox in steps, while other messages are sent', async () => {
    const { engine, reads } = await withFullInbox()
    let most = 0
    let isCounting = true
    const watch = (before: number): void => {
      most = Math.max(most, reads() - before)
      const now = reads()
      if (isCounting) setImmediate(() => watch(now))
    }
    watch(reads())
    const ended: string[] = []
    const send = async (from: string, to: string): Promise<string> => {
      const { outcome } = await engine.send({ appId, id: `${from} ${to}`, from, to, body: 'Hello' }, rules)
      ended.push(`${from} ${to}`)
      return outcome
    }
    const outcomes = await Promise.all([send('ada', 'bob'), send('cyd', 'bob'), send('dan', 'eve')])
    isCounting = false
    assert.deepEqual(outcomes, ['refused', 'stored', 'stored'])
    assert.ok(reads() > MESSAGES, 'the inbox was read')
    assert.ok(most < MESSAGES / 2, `${most} rows were read in one turn of the event loop`)
    assert.equal(ended[0], 'dan eve')
    await engine.close()
  })

  void it('lets no message of a sender overtake one that waits for the count', async () => {
    const { engine } = await withFullInbox()
    const send = (from: string, to: string, id: string): Promise<unknown> =>
      engine.send({ appId, id, from, to, body: 'Hello' }, rules)
    await Promise.all([
      send('dan', 'bob', 'a'),
      send('dan', 'eve', 'b'),
      send('cyd', 'bob', 'c'),
      send('dan', 'bob', 'd'),
      send('cyd', 'dan', 'e'),
    ])
    const newestOf = async (userId: string, count: number): Promise<string[]> => {
      const { epoch, offset } = await engine.inbox({ appId, userId })
      const { messages } = await engine.messagesAfter(
        { appId, userId },
        { epoch, offset: offset - count },
        count,
      )
      return messages.map(({ id }) => id)
    }
    assert.deepEqual(await newestOf('dan', 4), ['a', 'b', 'd', 'e'])
    assert.deepEqual(await newestOf('bob', 3), ['a', 'c', 'd'])
    assert.deepEqual(await newestOf('cyd', 2), ['c', 'e'])
    await engine.close()
  })

  void it('counts no message that the user reads, by a mark of the peer, during the count', async () => {
    const { engine } = await withFullInbox(1_000_000)
    const bob = { appId, userId: 'bob' }
    const { epoch, offset } = await engine.inbox(bob)
    // The peers are known before the count, so that the mark is set at once.
    await engine.exchanges(bob, ['ada'])
    const message = { appId, id: 'late', from: 'ada', to: 'bob', body: 'Hello' }
    const sent = engine.send(message, { ...rules, unreadPerSender: 0.3 })
    // By then the count has more than 300 messages of ada, and not yet all.
    for (let turns = 0; turns < 5; turns++) await nextTurn()
    const marked = await engine.markPeerRead(bob, 'ada', { epoch, offset })
    assert.equal(marked?.peer.unread, 0)
    assert.equal((await sent).outcome, 'stored')
    await engine.close()
  })

  void it('rejects the messages that wait for the count if the engine is closed', async () => {
    const { engine } = await withFullInbox()
    const sent = engine.send({ appId, id: 'late', from: 'ada', to: 'bob', body: 'Hello' }, rules)
    const rejected = assert.rejects(sent, { code: 'unavailable' })
    await engine.close()
    await rejected
  })

  void it('ends the count of a guest who is adopted meanwhile, and sends the message to the user', async () => {
    const engine = createMemoryEngine()
    await engine.open()
    const guest = { appId, userId: 'guest:1' }
    const eve = { appId, userId: 'eve' }
    await engine.saveUser(eve, {})
    await saveGuest(engine, guest)
    const send = (id: string, from: string) =>
      engine.send({ appId, id, from, to: guest.userId, body: 'Hello' }, rules)
    await Promise.all(Array.from({ length: MESSAGES }, (_, n) => send(String(n), n === 0 ? 'cyd' : 'ada')))
    const sending = send('last', 'ada')
    assert.equal((await adopt(engine, eve, guest.userId))?.messages, MESSAGES)
    let outcome: string | undefined
    void sending.then((result) => (outcome = result.outcome))
    await until('the message is sent', () => outcome !== undefined)
    await engine.close()
  })
})
