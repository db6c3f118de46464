import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { webhookEventTypes, type Engine } from '../../../../src/engine/engine.js'
import type { StoredInbox } from '../../../../src/engine/exclusive/messages/inbox-row.js'
import { rows } from '../../../../src/engine/exclusive/store/rows.js'
import { UserQueues } from '../../../../src/engine/exclusive/webhooks/user-queues.js'
import { WebhookEvents } from '../../../../src/engine/exclusive/webhooks/webhook-events.js'
import { put, type Store } from '../../../../src/engine/exclusive/store/store.js'
import { MemoryStore } from '../../../../src/engine/memory/memory-store.js'
import { request, startSession, vouch } from '../../../../src/engine/suite/kit.js'
import { coreOf, createPowerCutStore, engineOn, rules, withStore } from '../../../support/engine/stores.js'

const ada = { appId: 'app', userId: 'ada' }

const withWebhooksOn = async (store: Store): Promise<Engine> => {
  const engine = await engineOn(store)
  const webhooks = { events: webhookEventTypes, unreadAfter: 3_600_000 }
  await engine.configure('app', { retention: rules.retention, webhooks })
  return engine
}

const readOffsetOf = (row: string): number => (JSON.parse(row) as StoredInbox)[6]

void describe('the rows of webhook events', () => {
  void it('are in the batch of the change that they report', async () => {
    const { store, batches } = createPowerCutStore()
    const engine = await withWebhooksOn(store)
    await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
    const session = await startSession(engine, request(ada))
    await engine.send({ appId: 'app', id: '1', from: null, to: 'ada', body: 'Hello' }, rules)
    const { epoch } = await engine.inbox(ada)
    await engine.markRead(ada, { epoch, offset: 1 })
    await engine.check()
    await engine.endSession(session, 'ended')
    await engine.check()
    await engine.deleteUser(ada)
    const batchOf = (matches: (key: string, value: string) => boolean): number =>
      batches.findIndex(({ operations }) =>
        operations.some((one) => matches(one.key, one.type === 'put' ? one.value : '')),
      )
    const batchOfEvent = (type: string): number =>
      batchOf((key, value) => key.startsWith('event\0') && value.includes(`"type":"${type}"`))
    const row = rows.session(session)
    const changes = {
      'user.created': batchOf((key) => key === rows.user(ada)),
      'session.started': batchOf((key) => key === row),
      'message.created': batchOf((key) => key === rows.message(ada, 1)),
      'message.read': batchOf((key, value) => key === rows.inbox(ada) && readOffsetOf(value) === 1),
      'session.ended': batchOf((key, value) => key === row && value === ''),
      'user.deleted': batchOf((key, value) => key === rows.user(ada) && value === ''),
    }
    for (const [type, batch] of Object.entries(changes)) {
      assert.ok(batch >= 0, type)
      assert.equal(batchOfEvent(type), batch, type)
    }
    await engine.close()
  })

  for (const waiting of [0, 1, 2])
    void it(`of an event that is added while another is delivered outlive the process (${waiting} others wait)`, async () => {
      const store = new MemoryStore()
      const engine = await withWebhooksOn(store)
      await engine.saveUser(ada, {})
      const [created] = await engine.takeDueEvents('app', 1, 60_000)
      await engine.endDelivery('app', 'ada', created?.event.id ?? '', { delivered: true })
      const send = (id: number) =>
        engine.send({ appId: 'app', id: `${id}`, from: null, to: 'ada', body: `${id}` }, rules)
      for (let id = 0; id <= waiting; id++) await send(id)
      const [first] = await engine.takeDueEvents('app', 1, 60_000)
      assert.ok(first)
      const delivered = engine.endDelivery('app', 'ada', first.event.id, { delivered: true })
      await send(waiting + 1)
      await delivered
      await engine.check()
      // The engine is not closed, as after SIGKILL.
      const next = await withWebhooksOn(store)
      for (let id = 1; id <= waiting + 1; id++) {
        const [taken] = await next.takeDueEvents('app', 1, 60_000)
        assert.equal(
          (taken?.event.data as { message?: { body: string } } | undefined)?.message?.body,
          `${id}`,
        )
        assert.ok(taken)
        await next.endDelivery('app', 'ada', taken.event.id, { delivered: true })
      }
      assert.deepEqual(await next.takeDueEvents('app', 1, 60_000), [])
    })

  void it('are gone when all events are delivered, but for the counts', async () => {
    const store = new MemoryStore()
    const engine = await withWebhooksOn(store)
    for (const userId of ['ada', 'bob', 'guest:1'])
      await engine.endSession(await startSession(engine, request({ appId: 'app', userId })), 'ended')
    for (;;) {
      const taken = await engine.takeDueEvents('app', 2, 1_000)
      if (taken.length === 0) break
      for (const { event } of taken)
        await engine.endDelivery('app', event.userId, event.id, { delivered: true })
    }
    await engine.check()
    for (const prefix of ['event', 'next event', 'due event', 'failed event', 'event queue'])
      assert.deepEqual(await store.iterator({ gte: `${prefix}\0app\0`, lt: `${prefix}\0app\x01` }).all(), [])
    await engine.close()
  })

  void it('are forgotten in memory once they are written, so that no number of events is reported as lost', async () => {
    const core = coreOf(new MemoryStore())
    const presenceOf = () => ({ online: true, sessions: 1 })
    const webhooks = new WebhookEvents({ ...core, queues: new UserQueues(core), presenceOf })
    webhooks.configure('app', { events: webhookEventTypes, unreadAfter: 3_600_000 })
    // Memory keeps 10,000 that are not written. Errors are thrown here.
    for (let n = 0; n < 21; n++) {
      for (let m = 0; m < 500; m++) webhooks.defer(ada, 'session.started', {})
      await core.commit.flush()
    }
    await core.scheduler.stop()
    await core.commit.close()
  })

  void it('of failed events are limited in number, also if several events fail at once', async () => {
    const store = new MemoryStore()
    const old = [1, 2, 3].map((seq) => {
      const event = {
        id: `evt_${seq}_x`,
        type: 'user.created',
        seq,
        at: 0,
        appId: 'app',
        userId: 'old',
        data: {},
      }
      return put(rows.failedEvent('app', seq), { event, attempts: 9, lastError: 'gone' })
    })
    await store.batch([put(rows.usage('app'), { lastEvent: 20_000, failed: 10_000 }), ...old])
    const engine = await withWebhooksOn(store)
    const users = ['ada', 'bob', 'cy']
    for (const userId of users) await engine.saveUser({ appId: 'app', userId }, {})
    const taken = await engine.takeDueEvents('app', 3, 1_000)
    await Promise.all(
      taken.map(({ event: { userId, id } }) => engine.endDelivery('app', userId, id, { failed: 'gone' })),
    )
    const { events } = await engine.pendingEvents('app', null, 10)
    assert.deepEqual(
      events.map(({ event: { userId }, state }) => [userId, state]),
      users.map((userId) => [userId, 'failed']),
    )
    await engine.close()
  })

  void it('outlive the process in their order if they come while the user is revoked and deleted', async () => {
    const { store } = createPowerCutStore()
    let written = 0
    let again: Promise<unknown> | undefined
    const batch: Store['batch'] = async (operations, options) => {
      // A deletion first revokes the user. Then one batch deletes the user, and counts the deleted inbox in the same row.
      if (operations.some(({ key }) => key === rows.revokedUser(ada))) {
        if (++written === 1) await engine.markRead(ada, { epoch, offset: 1 })
        else again = engine.saveUser(ada, {})
      }
      await store.batch(operations, options)
    }
    const engine = await withWebhooksOn(withStore(store, { batch }))
    await engine.saveUser(ada, {})
    await engine.send({ appId: 'app', id: '1', from: null, to: 'ada', body: 'Hello' }, rules)
    const { epoch } = await engine.inbox(ada)
    await engine.deleteUser(ada)
    await again
    // The engine is not closed, as after SIGKILL.
    const next = await withWebhooksOn(store)
    const types: string[] = []
    for (let taken; (taken = await next.takeDueEvents('app', 1, 60_000)).length > 0;)
      for (const { event } of taken) {
        types.push(event.type)
        await next.endDelivery('app', 'ada', event.id, { delivered: true })
      }
    assert.deepEqual(types, [
      ...['user.created', 'message.created', 'message.read'],
      ...['user.deleted', 'user.created'],
    ])
    await next.close()
  })
})
