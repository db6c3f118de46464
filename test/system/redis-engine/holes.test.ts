// An inbox may lack a message between two others, as one that was deleted by hand.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine } from '../../../src/engine/index.js'
import { bob, deliver } from '../../../src/engine/suite/kit.js'
import { redisEngines } from '../../support/redis/engines.js'
import { standalone } from '../../support/redis/server.js'

const server = await standalone()
const engines = redisEngines(() => ({ type: 'single', url: server.url }))

interface Holes {
  engine: Engine
  /** Deletes messages of Bob's inbox by hand. */
  remove: (...offsets: number[]) => Promise<void>
}

const withEngine = async (prefix: string, work: (holes: Holes) => Promise<void>): Promise<void> => {
  const engine = engines.createWith(prefix)
  await engine.open()
  const remove = async (...offsets: number[]): Promise<void> => {
    const [inbox = ''] = (await server.command('keys', `${prefix}*inbox*bob*`)).split('\n')
    const ids = offsets.map((offset) => `${offset}-1`)
    assert.equal((await server.command('xdel', inbox, ...ids)).trim(), String(ids.length))
  }
  try {
    await work({ engine, remove })
  } finally {
    await engine.close()
  }
}

/** The peers of Bob's inbox with their newest offsets, in pages. */
const newestOf = async (engine: Engine, limit = 10): Promise<[string | null, number][]> => {
  const found: [string | null, number][] = []
  for (let before = null; ;) {
    const page = await engine.peers(bob, before, limit)
    found.push(...(page?.peers ?? []).map(({ id, newest }): [string | null, number] => [id, newest.offset]))
    before = page?.next ?? null
    if (!before) return found
  }
}

const receivedFrom = async (engine: Engine, ...peers: string[]): Promise<boolean[]> =>
  (await engine.exchanges(bob, peers)).map(({ received }) => received)

it('knows whom the messages around a hole are with', () =>
  withEngine('holes:', async ({ engine, remove }) => {
    for (const from of ['ada', 'cy', 'dan', 'ada', 'eve']) await deliver(engine, { from })
    await remove(1, 3)
    assert.deepEqual(await receivedFrom(engine, 'ada', 'cy', 'dan', 'eve'), [true, true, false, true])
    assert.deepEqual(await newestOf(engine), [
      ['eve', 5],
      ['ada', 4],
      ['cy', 2],
    ])
  }))

it('finds the message before a peer’s newest one that is gone', () =>
  withEngine('newest:', async ({ engine, remove }) => {
    for (const from of ['ada', 'cy', 'ada', 'dan', 'ada']) await deliver(engine, { from })
    await deliver(engine, { from: 'bob', to: 'ada' })
    await deliver(engine, { from: 'bob', to: 'cy' })
    await remove(3, 5, 6)
    for (const limit of [10, 1])
      assert.deepEqual(await newestOf(engine, limit), [
        ['cy', 7],
        ['dan', 4],
        ['ada', 1],
      ])
    assert.deepEqual(await engine.exchanges(bob, ['ada', 'cy']), [
      { received: true, sent: false },
      { received: true, sent: true },
    ])
  }))

it('finds it in a large inbox, whichever call comes first', async () => {
  const calls: ((engine: Engine) => Promise<unknown>)[] = [
    async (engine) => assert.deepEqual(await receivedFrom(engine, 'ada', 'cy'), [true, false]),
    async (engine) => assert.deepEqual((await newestOf(engine)).at(-1), ['ada', 1]),
    async (engine) => {
      const { epoch } = await engine.inbox(bob)
      for (const [peer, readOffset] of [
        ['ada', 1],
        ['cy', 0],
      ] as const) {
        const read = await engine.markPeerRead(bob, peer, { epoch, offset: 1 })
        assert.equal(read?.peer.readOffset, readOffset)
      }
    },
  ]
  for (const [n, call] of calls.entries())
    await withEngine(`large ${n}:`, async ({ engine, remove }) => {
      await deliver(engine, { from: 'ada' })
      // A script searches 256 entries.
      await Promise.all(Array.from({ length: 600 }, () => deliver(engine, { from: null })))
      for (const from of ['ada', 'cy']) await deliver(engine, { from })
      await remove(602, 603)
      await call(engine)
      assert.deepEqual(await newestOf(engine), [
        [null, 601],
        ['ada', 1],
      ])
    })
})

it('keeps no peers of messages that are deleted', () =>
  withEngine('peers:', async ({ engine }) => {
    const [key, count] = ['peers:*peers*bob*', 200]
    const kept = 5
    const retention = { messages: kept, age: 3_600_000, bytes: 1e9 }
    for (let n = 0; n < count; n++) await deliver(engine, { from: `peer ${n}` }, { retention })
    const [peers = ''] = (await server.command('keys', key)).split('\n')
    // Each 64th message deletes those of before.
    assert.ok(Number(await server.command('zcard', peers)) < kept + 64)
    assert.equal((await newestOf(engine)).length, kept)
    await engine.deleteUser(bob)
    assert.equal((await server.command('keys', key)).trim(), '')
  }))
