import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Cluster, Redis } from 'ioredis'
import type { CheckedMessage, SendResult } from '../../../../src/engine/index.js'
import { Keys } from '../../../../src/engine/redis/keys.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import {
  ada,
  advanceClock,
  app,
  bob,
  bodies,
  deliver,
  isUnavailable,
  newMessage,
  rules,
  start,
  until,
  whileOpen,
} from '../../../../src/engine/suite/kit.js'
import { ask, pending, typesOf } from '../../../../src/engine/suite/webhook-kit.js'
import { FEW_PARTITIONS, redisEngines } from '../../../support/redis/engines.js'
import { failingClient } from '../../../support/redis/hooked-client.js'
import { startSingleAndCluster } from '../../../support/redis/single-and-cluster.js'

const { server, settings } = await startSingleAndCluster()
const [single, cluster] = settings.map(({ options }) => options)
assert.ok(single?.type === 'single' && cluster?.type === 'cluster')

it('goes on after the counts of an app could not be read in a cluster', async () => {
  let isBroken = false
  const engine = createSharedEngine({
    client: () => failingClient(cluster, 'readCounts', () => isBroken),
  })
  await whileOpen(engine, async () => {
    await deliver(engine)
    await engine.close()
    // An engine that opens again knows no counts.
    await engine.open()
    isBroken = true
    await assert.rejects(engine.send(newMessage(), rules()), isUnavailable)
    // The counts change. If the rejection were not handled, it would end the process.
    assert.equal(await engine.deleteUser(bob), true)
    isBroken = false
    await deliver(engine)
    assert.deepEqual(await bodies(engine, bob), ['Hello'])
  })
})

interface Broken {
  /** Whether the script fails in one partition, and how often it was called there. */
  state: { isBroken: boolean; readings: number }
  send: (n: number, more?: Partial<CheckedMessage>) => Promise<SendResult>
}

/** Runs `body` with an engine on the cluster for which a script can fail in one partition. */
const withBroken = async (
  prefix: string,
  script: string,
  body: (broken: Broken) => Promise<void>,
): Promise<void> => {
  const tag = `{${new Partitions(FEW_PARTITIONS).tags[0]}}`
  const state = { isBroken: false, readings: 0 }
  const engine = createSharedEngine({
    client: () =>
      failingClient(cluster, script, ([keys = '']) => {
        if (!keys.includes(tag)) return false
        state.readings++
        return state.isBroken
      }),
    prefix,
    partitionCount: FEW_PARTITIONS,
  })
  const quota = { ...rules().quota, bytesPerSender: 10_000 }
  const send: Broken['send'] = (n, more) =>
    engine.send(newMessage({ id: `m${n}`, from: null, to: `user ${n}`, ...more }), rules({ quota }))
  await whileOpen(engine, () => body({ state, send }))
}

it('reads the counts of an app once for many sends, though a partition can not be read', () =>
  withBroken('once:', 'readCounts', async ({ state, send }) => {
    state.isBroken = true
    const sends: Promise<unknown>[] = []
    for (let n = 0; n < 50; n++) {
      sends.push(send(n))
      // Without a pause the next send would begin the next reading.
      if (n >= 40) await new Promise((resolve) => setImmediate(resolve))
    }
    for (const sent of await Promise.allSettled(sends))
      assert.ok(sent.status === 'rejected' && isUnavailable(sent.reason))
    assert.ok(state.readings <= 2, `${state.readings} readings`)
    state.isBroken = false
    assert.equal((await send(0)).outcome, 'stored')
  }))

it('sends on by the counts that it knows of a partition that can not be read', () =>
  withBroken('known:', 'readCounts', async ({ state, send }) => {
    assert.equal((await send(0)).outcome, 'stored')
    const { readings } = state
    state.isBroken = true
    // By then the counts are old.
    advanceClock(6_000)
    assert.equal((await send(1)).outcome, 'stored')
    assert.ok(state.readings > readings)
  }))

it('sends on by what it knows of the bytes of a sender in a partition that can not be read', () =>
  withBroken('held:', 'readHeld', async ({ state, send }) => {
    const { userId: from } = ada
    assert.equal((await send(0, { from })).outcome, 'stored')
    const { readings } = state
    state.isBroken = true
    // By then what is known is old.
    advanceClock(61_000)
    assert.equal((await send(1, { from })).outcome, 'stored')
    assert.ok(state.readings > readings)
  }))

for (const { name, options } of settings)
  it(`holds the pending webhook events of an app to its limits over several gateways, on ${name}`, async () => {
    const { create, createPeer } = redisEngines(() => options)
    const first = await create()
    const second = (await createPeer?.(first)) ?? assert.fail()
    const limits = { user: { events: 100, bytes: 1e9 }, app: { events: 3, bytes: 1e9 } }
    const askFor = (engine: typeof first) => ask(engine, ['session.started'], undefined, limits)
    await first.open()
    await askFor(first)
    await second.open()
    try {
      for (const userId of ['a', 'b', 'c']) await start(first, { appId: app, userId })
      // In a cluster an engine reads what is pending when it is configured.
      await askFor(second)
      await start(second, ada)
      assert.equal(typesOf(await pending(second)).filter((type) => type === 'events.dropped').length, 1)
      // Each engine delivers what it has added. The second one hears within some seconds of the room that the first one made.
      for (const engine of [first, second])
        for (const { event } of await engine.takeDueEvents(app, 10, 60_000))
          await engine.endDelivery(app, event.userId, event.id, { delivered: true })
      await until('there is room again', async () => {
        await start(second, bob)
        return (await pending(second)).some(({ event }) => event.userId === bob.userId)
      })
    } finally {
      await Promise.all([first.close(), second.close()])
    }
  })

it('counts what a sender takes in the inboxes of others, though the sender writes to itself, in a cluster', async () => {
  const engine = await redisEngines(() => cluster).create()
  const partitions = new Partitions()
  const of = { ...rules(), quota: { inboxes: Infinity, bytes: Infinity, bytesPerSender: 2_000 } }
  const send = async (to: string, n = 0): Promise<string> =>
    (await engine.send(newMessage({ id: `${to} ${n}`, to }), of)).outcome
  await whileOpen(engine, async () => {
    // The partition of this recipient is also the sender's.
    const neighbor = Array.from({ length: 100_000 }, (_, n) => `user ${n}`).find(
      (userId) => partitions.of({ appId: app, userId }) === partitions.of(ada),
    )
    assert.ok(neighbor)
    const sent: string[] = []
    while (sent.at(-1) !== 'over-share') sent.push(await send(neighbor, sent.length))
    assert.ok(sent.length > 3)
    assert.equal(await send(bob.userId), 'over-share')
    assert.equal(await send(ada.userId), 'stored')
    assert.equal(await send(bob.userId), 'over-share')
  })
})

it('holds an app exactly to its limits over several gateways on one server, and when scripts share a call', async () => {
  const { create, createPeer } = redisEngines(() => single)
  const first = await create()
  const second = (await createPeer?.(first)) ?? assert.fail()
  const of = { ...rules(), quota: { inboxes: 5, bytes: 1e9 } }
  await Promise.all([first.open(), second.open()])
  try {
    const sent = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        (n % 2 ? first : second).send(newMessage({ id: `m${n}`, from: null, to: `user ${n}` }), of),
      ),
    )
    assert.equal(sent.filter(({ outcome }) => outcome === 'stored').length, 5)
    assert.equal(sent.filter(({ outcome }) => outcome === 'full').length, 35)
    const usage = await first.usage(app)
    assert.equal(usage.inboxes, 5)
    assert.deepEqual(await second.usage(app), usage)
  } finally {
    await Promise.all([first.close(), second.close()])
  }
})

it('runs scripts that share a call once, even if a count in Redis is damaged', async () => {
  const prefix = 'damaged:'
  const engine = redisEngines(() => single).createWith(prefix)
  await whileOpen(engine, async () => {
    const send = () =>
      Promise.allSettled(
        ['a', 'b', 'c'].map((to) => engine.send(newMessage({ id: to, from: null, to }), rules())),
      )
    const counts =
      new Keys(prefix, new Partitions(), false).of(['counts'], { partition: 5, appId: app, userId: '' })[0] ??
      ''
    await server.command('hset', counts, 'users', 'damaged')
    const ofAnother = engine.send(newMessage({ appId: 'another', from: null }), rules())
    // A second run of the scripts would answer `repeated`.
    for (const result of await send()) assert.ok(result.status === 'rejected' && isUnavailable(result.reason))
    assert.equal((await ofAnother).outcome, 'stored')
    await server.command('hdel', counts, 'users')
    for (const result of await send())
      assert.ok(result.status === 'fulfilled' && result.value.outcome === 'repeated')
  })
})

it('changes no count for a script that fails, and counts on after a call of scripts that broke off', async () => {
  const prefix = 'broken:'
  const engine = redisEngines(() => single).createWith(prefix)
  await whileOpen(engine, async () => {
    await deliver(engine)
    const usage = await engine.usage(app)
    const keys = new Keys(prefix, new Partitions(), false)
    const [inbox = '', unread = ''] = keys.of(['inbox', 'unread'], {
      partition: new Partitions().of(bob),
      ...bob,
    })
    // The script stores the message, and then can't count it as unread.
    await server.command('set', unread, 'damaged')
    const results = await Promise.allSettled(
      ['a', 'b'].map((id) => engine.send(newMessage({ id, from: null }), rules())),
    )
    for (const result of results) assert.ok(result.status === 'rejected' && isUnavailable(result.reason))
    assert.deepEqual(await engine.usage(app), usage)
    await server.command('del', unread, inbox)
    const library = /chat_session_\w{12}/.exec(await server.command('function', 'list'))?.[0] ?? ''
    // A number in place of a script ends the call before it has run one.
    await assert.rejects(server.command('fcall', `${library}_several`, 0, '', '[1]'))
    assert.equal((await engine.send(newMessage({ from: null, to: 'new' }), rules())).outcome, 'stored')
    assert.equal((await engine.usage(app)).inboxes, usage.inboxes + 1)
  })
})

it('counts an app on after its keys have moved into a cluster', async () => {
  const prefix = 'moved:'
  const before = redisEngines(() => single).createWith(prefix)
  await before.open()
  await deliver(before)
  await start(before, ada)
  const usage = await before.usage(app)
  assert.ok(usage.users === 2 && usage.inboxes === 2 && usage.sessions === 1 && usage.bytes > 0)
  await before.close()
  const [from, to] = [new Redis(server.url), new Cluster([...cluster.nodes])]
  for (const key of await from.keys(`${prefix}*`)) await to.restore(key, 0, await from.dumpBuffer(key))
  await Promise.all([from.quit(), to.quit()])
  const after = redisEngines(() => cluster).createWith(prefix)
  await whileOpen(after, async () => {
    assert.deepEqual(await after.usage(app), usage)
    assert.equal(await after.deleteUser(bob), true)
    const { users, inboxes, bytes } = await after.usage(app)
    assert.deepEqual({ users, inboxes }, { users: 1, inboxes: 1 })
    assert.equal(bytes, usage.bytes / 2)
    // The first partition has counted the two inboxes. Ada's messages go on, and a third inbox is one too many.
    const of = { ...rules(), quota: { inboxes: 1, bytes: 1e9 } }
    assert.equal(
      (await after.send(newMessage({ id: 'more', from: null, to: ada.userId }), of)).outcome,
      'stored',
    )
    assert.equal((await after.send(newMessage({ id: 'new', from: null, to: 'new' }), of)).outcome, 'full')
  })
})
