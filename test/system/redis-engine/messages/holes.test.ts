// An inbox may lack a message between two others, as one that was deleted by hand.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine } from '../../../../src/engine/index.js'
import { app, bob, deliver, until, whileOpen } from '../../../../src/engine/suite/kit.js'
import { redisEngines } from '../../../support/redis/engines.js'
import { standalone } from '../../../support/redis/server.js'

const server = await standalone()
const engines = redisEngines(() => ({ type: 'single', url: server.url }))

interface Holes {
  engine: Engine
  /** Deletes messages of Bob's inbox by hand. */
  remove: (...offsets: number[]) => Promise<void>
}

const withEngine = async (prefix: string, work: (holes: Holes) => Promise<void>): Promise<void> => {
  const remove = async (...offsets: number[]): Promise<void> => {
    const [inbox = ''] = (await server.command('keys', `${prefix}*inbox*bob*`)).split('\n')
    assert.equal((await server.command('xdel', inbox, ...offsets)).trim(), String(offsets.length))
  }
  await whileOpen(engines.createWith(prefix), (engine) => work({ engine, remove }))
}

/** The peers of Bob's inbox with their newest offsets, in pages. */
const newestOf = async (engine: Engine, limit = 10): Promise<[string | null, number][]> => {
  const found: [string | null, number][] = []
  for (let before = null; ;) {
    const page = await engine.peers(bob, before, limit)
    found.push(...page.peers.map(({ id, newest }): [string | null, number] => [id, newest.offset]))
    before = page.next
    if (!before) return found
  }
}

it('lists no peer whose newest message is gone, until another one comes', () =>
  withEngine('newest:', async ({ engine, remove }) => {
    for (const from of ['ada', 'cy', 'ada', 'dan', 'ada']) await deliver(engine, { from })
    await deliver(engine, { from: 'bob', to: 'cy' })
    await remove(1, 5)
    for (const limit of [10, 1])
      assert.deepEqual(await newestOf(engine, limit), [
        ['cy', 6],
        ['dan', 4],
      ])
    await deliver(engine, { from: 'bob', to: 'ada' })
    assert.deepEqual((await newestOf(engine))[0], ['ada', 7])
  }))

/** The offsets of all messages with a peer, in pages that follow each other in one direction. */
const offsetsWith = async (
  engine: Engine,
  peer: string,
  isBackwards: boolean,
  limit: number,
): Promise<number[]> => {
  const found: number[] = []
  for (let from: number | null = null; ;) {
    const range = isBackwards ? { before: from } : { after: from ?? 0 }
    const page = await engine.messagesWith(bob, peer, range, limit)
    const offsets = page.messages.map(({ offset }) => offset)
    found[isBackwards ? 'unshift' : 'push'](...offsets)
    from = page.next
    if (from === null) return found
  }
}

it('reads the messages with a peer around holes, from both ends', () =>
  withEngine('with:', async ({ engine, remove }) => {
    for (const from of ['ada', 'cy', 'ada', 'cy', 'ada', 'ada']) await deliver(engine, { from })
    await deliver(engine, { from: 'bob', to: 'ada' })
    await remove(3, 5)
    for (const isBackwards of [true, false])
      for (const limit of [10, 1]) {
        assert.deepEqual(await offsetsWith(engine, 'ada', isBackwards, limit), [1, 6, 7])
        assert.deepEqual(await offsetsWith(engine, 'cy', isBackwards, limit), [2, 4])
        assert.deepEqual(await offsetsWith(engine, 'dan', isBackwards, limit), [])
      }
    await remove(6, 7)
    for (const isBackwards of [true, false])
      for (const limit of [10, 1]) assert.deepEqual(await offsetsWith(engine, 'ada', isBackwards, limit), [1])
    await deliver(engine, { from: 'ada' })
    assert.deepEqual(await offsetsWith(engine, 'ada', true, 1), [1, 8])
  }))

it('marks messages as read though some are gone', () =>
  withEngine('marks:', async ({ engine, remove }) => {
    for (const from of ['ada', 'cy', 'ada', 'cy']) await deliver(engine, { from })
    await remove(1, 2, 3)
    const { epoch } = await engine.inbox(bob)
    const read = await engine.markPeerRead(bob, 'ada', { epoch, offset: 2 })
    assert.equal(read?.peer.readOffset, 2)
    assert.equal((await engine.markRead(bob, { epoch, offset: 3 }))?.readOffset, 3)
  }))

it('deletes a user whose newest messages are gone, with what is left of the inbox', () =>
  withEngine('deleted:', async ({ engine, remove }) => {
    for (let n = 0; n < 300; n++) await deliver(engine, { from: 'ada' })
    // More than one step deletes.
    await remove(...Array.from({ length: 290 }, (_, n) => 11 + n))
    assert.equal(await engine.deleteUser(bob), true)
    assert.deepEqual((await server.command('keys', 'deleted:*inbox*bob*')).trim(), '')
    await deliver(engine, { from: 'ada' })
    assert.equal((await engine.inbox(bob)).unread, 1)
  }))

it('forgets an inbox whose messages are gone when they would have expired', () =>
  withEngine('expired:', async ({ engine, remove }) => {
    for (let n = 0; n < 2; n++) await deliver(engine, { from: null })
    await remove(1, 2)
    await engine.configure(app, { retention: { messages: 10, bytes: 1e6, age: 1 }, webhooks: null })
    await until('no bytes', async () => (await engine.usage(app)).bytes === 0)
    assert.equal((await engine.inbox(bob)).unread, 0)
  }))
