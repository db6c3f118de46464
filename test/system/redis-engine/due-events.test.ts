// A gateway takes the webhook events that it has added as soon as they are due. The sweep, which finds them seconds later, must not be
// what delivers them.
import assert from 'node:assert/strict'
import { once, EventEmitter } from 'node:events'
import { it } from 'node:test'
import type { Engine } from '../../../src/engine/index.js'
import { ada, app, deliver, whileOpen } from '../../../src/engine/suite/kit.js'
import { ask } from '../../../src/engine/suite/webhook-kit.js'
import { createRedisClient } from '../../../src/engine/redis/client/index.js'
import { Partitions, partitionTags } from '../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine } from '../../../src/engine/redis/redis-engine.js'
import { redisEngines } from '../../support/redis/engines.js'
import { standalone } from '../../support/redis/server.js'
import { until } from '../../support/until.js'

const server = await standalone()
const { url } = server
const engines = redisEngines(() => ({ type: 'single', url }))
const LEASE = 60_000

/** An engine with webhooks, and an emitter of its event `due`. */
const withEngine = async (
  prefix: string,
  work: (engine: Engine, events: EventEmitter) => Promise<void>,
): Promise<void> => {
  const engine = engines.createWith(prefix)
  const events = new EventEmitter()
  const life = new AbortController()
  engine.listen((event) => event.type === 'webhooks-due' && events.emit('due'), life.signal)
  await engine.open()
  try {
    await ask(engine, ['message.created'])
    await work(engine, events)
  } finally {
    life.abort()
    await engine.close()
  }
}

const take = async (engine: Engine): Promise<{ id: string }[]> =>
  (await engine.takeDueEvents(app, 10, LEASE)).map(({ event }) => event)

it('takes an event that is added while the delivery of the one before ends', () =>
  withEngine('added:', async (engine) => {
    await deliver(engine, { to: ada.userId })
    for (let n = 0; n < 20; n++) {
      const [event] = await take(engine)
      assert.ok(event, `event ${n}`)
      const ended = engine.endDelivery(app, ada.userId, event.id, { delivered: true })
      await Promise.all([ended, deliver(engine, { to: ada.userId })])
    }
  }))

it('says when an event is due again', () =>
  withEngine('again:', async (engine, events) => {
    await deliver(engine, { to: ada.userId })
    for (let n = 0; n < 100; n++) {
      let [event] = await take(engine)
      while (!event) {
        // The sweep would find the event after five seconds.
        await once(events, 'due', { signal: AbortSignal.timeout(4_000) })
        ;[event] = await take(engine)
      }
      await engine.endDelivery(app, ada.userId, event.id, { retryAfter: 5, error: 'The endpoint is down.' })
    }
  }))

it('leaves its own leases alone when the app is configured again', () =>
  withEngine('reload:', async (engine) => {
    await deliver(engine, { to: ada.userId })
    assert.equal((await take(engine)).length, 1)
    await ask(engine, ['message.created'])
    assert.deepEqual(await take(engine), [])
  }))

it('seldom lists the events of an app that is not in the config, and delivers them when the app is', async () => {
  const MINUTE = 60_000
  const prefix = 'removed:'
  await withEngine(prefix, async (engine) => {
    await deliver(engine, { to: ada.userId })
  })
  let shift = 0
  const engine = createSharedEngine({
    client: () => createRedisClient({ type: 'single', url }),
    prefix,
    clockShift: () => shift,
    onError: assert.ifError,
  })
  await whileOpen(engine, async () => {
    const key = `${prefix}{${partitionTags()[new Partitions().of(ada)] ?? ''}}:deadlines`
    const listedIn = async (): Promise<number> =>
      Number(await server.command('zscore', key, `${app}\0`)) - Date.now() - shift
    assert.ok((await listedIn()) < MINUTE)
    shift = MINUTE
    await until('the sweep has left the events', async () => (await listedIn()) > MINUTE)
    await ask(engine, ['message.created'])
    assert.ok((await listedIn()) < MINUTE)
    assert.equal((await take(engine)).length, 1)
  })
})
