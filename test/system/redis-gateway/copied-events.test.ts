// `chat-session copy` transfers the webhook events of a cluster, in which two partitions may have given the same number to an event.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createEmbeddedEngine, createRedisEngine, type Engine } from '../../../src/engine/index.js'
import {
  folderTarget,
  redisTarget,
  type TransferTarget,
  type TransferRecord,
} from '../../../src/engine/internal.js'
import { whileOpen } from '../../../src/engine/suite/kit.js'
import { pagesOf } from '../../support/engine/copied-data.js'
import { standalone } from '../../support/redis/server.js'
import { scratchFolder } from '../../support/scratch-folder.js'

const server = await standalone()
const place = { server: { type: 'single', url: server.url }, prefix: 'chat-session:' } as const
const path = join(scratchFolder(), 'data')
const NUMBER = 1_700_000_000_000

const event = (userId: string, seq: number, partition?: number): TransferRecord => ({
  kind: 'event',
  event: {
    id: `evt_${partition === undefined ? '' : `${partition}_`}${seq}_0123456789abcdef`,
    ...{ type: userId === '' ? 'events.dropped' : 'user.created', seq, at: seq, appId: 'shop' },
    ...{ userId, data: { text: `${userId} ${seq}`, online: false, sessions: 0 } },
  },
  ...{ attempts: 2, lastError: 'refused', state: 'pending' },
})

test('a folder gives one of two events with the same number another one, and delivers both', async () => {
  const copied = [event('ada', NUMBER, 1), event('ada', NUMBER, 2), event('ada', NUMBER + 5, 1)]
  await folderTarget(path)(pagesOf(...copied), false)
  await whileOpen(createEmbeddedEngine({ path }), async (engine) => {
    const { events } = await engine.pendingEvents('shop', null, 10)
    const seqs = events.map((each) => each.event.seq)
    assert.equal(new Set(seqs).size, 3)
    assert.equal(new Set(events.map((each) => each.event.id)).size, 3)
    assert.deepEqual(
      events.map((each) => each.event.data['text']),
      [`ada ${NUMBER}`, `ada ${NUMBER}`, `ada ${NUMBER + 5}`],
    )
    for (const { event: pending } of events) assert.match(pending.id, new RegExp(`_${pending.seq}_`))
    // A renumbered event is found by its id.
    for (const { event: pending } of events) {
      await engine.endDelivery('shop', 'ada', pending.id, { delivered: true })
    }
    assert.deepEqual((await engine.pendingEvents('shop', null, 10)).events, [])
  })
})

const place2 = { ...place, prefix: 'other:' }
const path2 = join(scratchFolder(), 'data')
for (const [what, target, engineOf] of [
  ['a Redis', () => redisTarget(place2), () => createRedisEngine(place2)],
  ['a folder', () => folderTarget(path2), () => createEmbeddedEngine({ path: path2 })],
] satisfies [string, () => TransferTarget, () => Engine][])
  test(`${what} delivers the events of an app itself, and counts the transferred events to its limits`, async () => {
    const copied = [
      event('', NUMBER, 1),
      event('', NUMBER, 2),
      event('', NUMBER + 5),
      event('ada', NUMBER + 6, 1),
      event('ada', NUMBER + 7, 1),
    ]
    await target()(pagesOf(...copied), false)
    await whileOpen(engineOf(), async (engine) => {
      const limits = { user: { events: 2, bytes: 1e9 }, app: { events: 6, bytes: 1e9 } }
      const webhooks = { events: ['user.created' as const], unreadAfter: 1_000, limits }
      await engine.configure('shop', { retention: { messages: 10, bytes: 1e9, age: 1e9 }, webhooks })
      for (const userId of ['ada', 'bob', 'cleo']) await engine.saveUser({ appId: 'shop', userId }, {})
      const { events } = await engine.pendingEvents('shop', null, 20)
      const typesOf = (userId: string) =>
        events.filter((each) => each.event.userId === userId).map((each) => each.event.type)
      assert.deepEqual(typesOf('ada'), ['user.created', 'user.created', 'events.dropped'])
      assert.deepEqual(typesOf('bob'), [])
      const counts = events.map(({ event: { userId, data } }) =>
        userId === '' ? ((data['dropped'] as Record<string, number> | undefined)?.['user.created'] ?? 0) : 0,
      )
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        2,
      )
      for (let taken; (taken = await engine.takeDueEvents('shop', 10, 60_000)).length > 0;)
        for (const { event: due } of taken)
          await engine.endDelivery('shop', due.userId, due.id, { delivered: true })
      assert.deepEqual(await engine.pendingSummary('shop'), { pending: 0, oldestAt: null })
    })
  })
