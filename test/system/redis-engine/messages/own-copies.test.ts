import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine, SendRules } from '../../../../src/engine/index.js'
import { createRedisClient, type RedisClientOptions } from '../../../../src/engine/redis/client/index.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import {
  ada,
  app,
  bob,
  bodies,
  isUnavailable,
  newMessage,
  request,
  rules,
  startSession,
  whileOpen,
} from '../../../../src/engine/suite/kit.js'
import { ask, untilPending } from '../../../../src/engine/suite/webhook-kit.js'
import { slotOf } from '../../../../src/engine/redis/client/key-slot.js'
import { redisSource } from '../../../../src/engine/redis/transfer/source.js'
import { redisTarget } from '../../../../src/engine/redis/transfer/target.js'
import { startCluster } from '../../../support/redis/cluster.js'
import { failingClient } from '../../../support/redis/hooked-client.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const cluster = await startCluster()
const { servers } = cluster
const options: RedisClientOptions = {
  type: 'cluster',
  nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
}

const withEngine = async (
  prefix: string,
  body: (engine: Engine, setBroken: (isBroken: boolean) => void) => Promise<void>,
): Promise<void> => {
  let isBroken = false
  const engine = createSharedEngine({
    client: () => failingClient(options, 'makeOwnCopy', () => isBroken),
    prefix,
    // The sweep can't make the copy either.
    onError: () => undefined,
  })
  await whileOpen(engine, () => body(engine, (value) => (isBroken = value)))
}

/** A session that ends within a second wakes a sweep of its partition alone. */
const DUE_IN = 1_500
const cy = { appId: app, userId: 'cy' }
const partitions = new Partitions()
const adasTag = partitions.tags[partitions.of(ada)] ?? ''

it('tests users of three partitions', () => {
  assert.equal(new Set([ada, bob, cy].map((of) => partitions.of(of))).size, 3)
})

it('makes a pending own copy when the message is sent again', async () => {
  await withEngine('again:', async (engine, setBroken) => {
    const message = newMessage()
    setBroken(true)
    await assert.rejects(engine.send(message, rules()), isUnavailable)
    assert.deepEqual([await bodies(engine, bob), await bodies(engine, ada)], [['Hello'], []])
    setBroken(false)
    for (let n = 0; n < 2; n++) {
      const sent = await engine.send(message, rules())
      assert.ok(sent.outcome === 'repeated')
      assert.deepEqual([sent.offset, sent.ownOffset], [1, 1])
    }
    assert.deepEqual([await bodies(engine, bob), await bodies(engine, ada)], [['Hello'], ['Hello']])
  })
})

it('makes a pending own copy though the message is never sent again', async () => {
  await withEngine('never:', async (engine, setBroken) => {
    setBroken(true)
    await assert.rejects(engine.send(newMessage(), rules()), isUnavailable)
    setBroken(false)
    await until('the copy is made', async () => (await bodies(engine, ada)).length === 1)
    assert.deepEqual(await bodies(engine, bob), ['Hello'])
    const { epoch } = await engine.inbox(ada)
    const [theirs, own] = await Promise.all([
      engine.messagesAfter(bob, { epoch: (await engine.inbox(bob)).epoch, offset: 0 }, 1),
      engine.messagesAfter(ada, { epoch, offset: 0 }, 1),
    ])
    assert.deepEqual(own.messages, theirs.messages)
  })
})

it('makes the pending own copies of two apps whose messages have the same users and id', async () => {
  const appIds = Array.from({ length: 20_000 }, (_, n) => `app-${n}`)
  // Its recipient is in the same partition as that of the first app.
  const other = appIds.find((appId) => partitions.of({ ...bob, appId }) === partitions.of(bob))
  assert.ok(other !== undefined)
  await withEngine('apps:', async (engine, setBroken) => {
    const message = newMessage()
    setBroken(true)
    for (const appId of [app, other])
      await assert.rejects(engine.send({ ...message, appId }, rules()), isUnavailable)
    setBroken(false)
    await until(
      'the second copy is made',
      async () => (await bodies(engine, { ...ada, appId: other })).length === 1,
    )
    await until('the first copy is made', async () => (await bodies(engine, ada)).length === 1)
  })
})

it('does what else is due while an own copy can not be made', async () => {
  const errors: unknown[] = []
  let isBroken = true
  const engine = createSharedEngine({
    client: () => failingClient(options, 'makeOwnCopy', (args) => isBroken && args.includes(ada.userId)),
    prefix: 'due:',
    onError: (error) => errors.push(error),
  })
  await whileOpen(engine, async () => {
    await ask(engine, ['session.ended'])
    await assert.rejects(engine.send(newMessage(), rules()), isUnavailable)
    await until('the sweep has tried to make the copy', () => errors.length > 0)
    const carried = request(bob)
    await engine.detachSession(await startSession(engine, carried), carried.connectionId, DUE_IN)
    assert.equal((await untilPending(engine, bob, 'session.ended')).event.data['code'], 'timeout')
    assert.deepEqual(await bodies(engine, ada), [])
    isBroken = false
    await until('the copy is made', async () => (await bodies(engine, ada)).length === 1)
  })
})

it('makes the other own copies while one can not be made', async () => {
  const errors: unknown[] = []
  let isBroken = true
  // The sweep makes the copies in no order. The sender whose copy it makes first is the one whose copy fails.
  let failing: string | undefined
  const engine = createSharedEngine({
    client: () =>
      failingClient(options, 'makeOwnCopy', ([, , sender]) => isBroken || sender === (failing ??= sender)),
    prefix: 'others:',
    onError: (error) => errors.push(error),
  })
  await whileOpen(engine, async () => {
    for (const { userId } of [ada, cy])
      await assert.rejects(engine.send(newMessage({ from: userId }), rules()), isUnavailable)
    isBroken = false
    const made = async (): Promise<number> =>
      (await Promise.all([ada, cy].map((of) => bodies(engine, of)))).flat().length
    await until('the other copy is made', made, 1)
    await until('the error is reported', () => errors.length > 0)
    assert.ok(errors.every(isUnavailable))
  })
})

/** Deletes what Redis has of Ada: so does a failover to a master that lacks it. */
const forgetAda = async (prefix: string): Promise<void> => {
  const { server } = await cluster.masterOf(slotOf(adasTag))
  const names = (await server.command('keys', `${prefix}{${adasTag}}:*`)).split('\n')
  assert.ok(names.some((name) => name.includes(':own:')))
  for (const name of names) await server.command('del', name)
}

const sendAgain = async (
  engine: Engine,
  message: ReturnType<typeof newMessage>,
  under?: SendRules,
): Promise<unknown> => {
  const sent = await engine.send(message, under ?? rules())
  assert.ok(sent.outcome === 'repeated')
  return sent.ownOffset
}

it('makes an own copy that a failover has lost when the message is sent again, and makes it once', async () => {
  await withEngine('lost:', async (engine) => {
    await engine.saveUser(ada, { claimed: { name: 'Ada' } })
    const message = newMessage()
    await engine.send(message, rules())
    await forgetAda('lost:')
    assert.deepEqual(await bodies(engine, ada), [])
    for (let n = 0; n < 2; n++) assert.equal(await sendAgain(engine, message), 1)
    assert.deepEqual([await bodies(engine, bob), await bodies(engine, ada)], [['Hello'], ['Hello']])
    const [theirs, own] = await Promise.all(
      [bob, ada].map(async (of) =>
        engine.messagesAfter(of, { epoch: (await engine.inbox(of)).epoch, offset: 0 }, 1),
      ),
    )
    assert.deepEqual(own?.messages, theirs?.messages)
    assert.equal(own?.messages[0]?.sender?.name, 'Ada')
  })
})

it('makes a lost own copy of a message that the recipient no longer retains', async () => {
  await withEngine('gone:', async (engine) => {
    const message = newMessage({ body: 'first' })
    const one = rules({ retention: { messages: 1, age: 1e9, bytes: 1e9 } })
    await engine.send(message, one)
    await engine.send(newMessage({ from: null, body: 'second' }), one)
    await forgetAda('gone:')
    for (let n = 0; n < 2; n++) assert.equal(await sendAgain(engine, message, one), 1)
    assert.deepEqual([await bodies(engine, bob), await bodies(engine, ada)], [['second'], ['first']])
  })
})

it('makes an own copy that a failover has lost though the data have moved to one Redis since', async () => {
  const [message, prefix] = [newMessage(), 'moved:']
  await withEngine(prefix, async (engine) => {
    await engine.send(message, rules())
    await forgetAda(prefix)
    await engine.saveUser(ada, {})
  })
  const place = { server: { type: 'single', url: (await standalone()).url }, prefix } as const
  await redisTarget(place)(redisSource({ server: options, prefix }, 60_000), false)
  const engine = createSharedEngine({ ...place, client: () => createRedisClient(place.server) })
  await whileOpen(engine, async () => {
    for (let n = 0; n < 2; n++) assert.equal(await sendAgain(engine, message), 1)
    assert.deepEqual([await bodies(engine, bob), await bodies(engine, ada)], [['Hello'], ['Hello']])
  })
})
