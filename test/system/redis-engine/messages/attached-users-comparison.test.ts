// A node compares the newest offsets of its users with Redis: a message is emitted even if the event that was published for it is lost.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RedisClientOptions } from '../../../../src/engine/redis/client/index.js'
import { AttachedUsers } from '../../../../src/engine/redis/messages/attached-users.js'
import { Keys } from '../../../../src/engine/redis/keys.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { StepRunner } from '../../../../src/engine/redis/step-runner.js'
import { ada, bob, deliver, start, whileOpen } from '../../../../src/engine/suite/kit.js'
import { redisEngines } from '../../../support/redis/engines.js'
import { hookedClient } from '../../../support/redis/hooked-client.js'
import { startSingleAndCluster } from '../../../support/redis/single-and-cluster.js'
import { until } from '../../../support/until.js'

const USERS = 400

const { settings } = await startSingleAndCluster()

/** A node that carries a session of each user and receives nothing that is published, and an engine that sends. */
const setUp = async (options: RedisClientOptions) => {
  const engine = redisEngines(() => options).createWith('compared:')
  await engine.open()
  const keyCounts: number[] = []
  const client = hookedClient(options, (name, { keys }) => {
    if (name === 'newestOffsets') keyCounts.push(keys.length)
  })
  const ignore = (): void => undefined
  await client.open({ onMessage: ignore, onResubscribed: ignore, onError: assert.ifError })
  const partitions = new Partitions()
  const runner = new StepRunner({
    ...{ client, prefix: 'compared:', partitions, nodeId: 'a node', clockShift: () => 0 },
    ...{ onEvents: () => undefined, webhooksOf: () => null },
  })
  const [, epochs] = await runner.onPartition(runner.steps.open, 0, ['', ''])
  runner.epochKey = epochs ?? ''
  const emitted: string[] = []
  const attached = new AttachedUsers({
    runner,
    emit: (event) =>
      emitted.push(event.type === 'message' ? `${event.user.userId} ${event.message.offset}` : event.type),
    messagesAfter: (...args) => engine.messagesAfter(...args),
    onError: assert.ifError,
  })
  const users = Array.from({ length: USERS }, (_, n) => ({ ...ada, userId: `user ${n}` }))
  /** The numbers of the users' epochs. */
  const numbers = new Map<string, number>()
  for (const user of users) {
    const [, , epoch, offset] = await runner.onUser(runner.steps.readInbox, user, [0, null, null])
    numbers.set(user.userId, epoch)
    attached.add({ ...user, sessionId: user.userId }, 'a connection', epoch, offset)
  }
  const close = async (): Promise<void> => {
    await client.close()
    await engine.close()
  }
  return { engine, attached, users, emitted, keyCounts, partitions, numbers, close }
}

for (const { name, options } of settings)
  describe(name, () => {
    // A call to a cluster declares all its keys: also that of the server's state.
    const others = options.type === 'cluster' ? 1 : 0

    it('compares many users by one call, and emits the messages that nothing was published for', async () => {
      const { engine, attached, users, emitted, keyCounts, partitions, close } = await setUp(options)
      const maxCalls = options.type === 'cluster' ? new Set(users.map((user) => partitions.of(user))).size : 2
      try {
        await attached.compare(attached.users())
        assert.ok(keyCounts.length <= maxCalls, `${keyCounts.length} calls`)
        assert.deepEqual(emitted, [])

        await Promise.all(users.map(async ({ userId: to }) => deliver(engine, { to })))
        await deliver(engine, { to: 'user 0' })
        await attached.compare(attached.users())
        assert.ok(keyCounts.length <= 2 * maxCalls, `${keyCounts.length} calls`)
        const expected = ['user 0 2', ...users.map(({ userId }) => `${userId} 1`)].toSorted()
        await until('all messages', () => emitted.length, expected.length)
        assert.deepEqual(emitted.toSorted(), expected)
      } finally {
        await close()
      }
    })

    it('compares the users of one partition', async () => {
      const { engine, attached, users, emitted, keyCounts, partitions, close } = await setUp(options)
      try {
        await Promise.all(users.map(async ({ userId: to }) => deliver(engine, { to })))
        const [first] = users
        assert.ok(first)
        const partition = partitions.of(first)
        await attached.compare(attached.users().filter((user) => partitions.of(user) === partition))
        const expected = users.filter((user) => partitions.of(user) === partition)
        await until('the messages of the partition', () => emitted.length, expected.length)
        assert.deepEqual(keyCounts, [expected.length + others])
      } finally {
        await close()
      }
    })

    it('compares 200 users by one call at most', async () => {
      const { attached, users, emitted, keyCounts, partitions, numbers, close } = await setUp(options)
      try {
        const [first = ada] = users
        const partition = partitions.of(first)
        for (let n = 0, added = 0; added < 450; n++) {
          const user = { ...ada, userId: `crowd ${n}` }
          if (partitions.of(user) !== partition) continue
          attached.add({ ...user, sessionId: user.userId }, 'a connection', numbers.get(first.userId) ?? 0, 0)
          added++
        }
        await attached.compare(attached.users().filter((user) => partitions.of(user) === partition))
        const own = users.filter((user) => partitions.of(user) === partition).length
        assert.deepEqual(
          keyCounts,
          [200, 200, own + 50].map((count) => count + others),
        )
        assert.deepEqual(emitted, [])
      } finally {
        await close()
      }
    })
  })

for (const { name, options, serverOf } of settings)
  it(`reports a new epoch before it resolves with the offset of a message in it: ${name}`, async () => {
    const engine = redisEngines(() => options).createWith('epoch:')
    const epochs: string[] = []
    engine.listen((event) => {
      if (event.type === 'epoch-changed' && event.user.userId === bob.userId) epochs.push(event.epoch)
    }, new AbortController().signal)
    await whileOpen(engine, async () => {
      await start(engine, bob)
      const before = await engine.inbox(bob)
      // A master that lacks the start knows no node of the user, and sends this node no event of the inbox. The lease of the node stays:
      // without it the node would end its sessions.
      const partitions = new Partitions()
      const keys = new Keys('epoch:', partitions, options.type === 'cluster')
      const partition = partitions.of(bob)
      const { command } = await serverOf(partition)
      const names = await command('keys', `${keys.prefixes[partition]}*`)
      await command('del', ...names.trim().split('\n'))
      await command('del', ...keys.of(['state'], { ...bob, partition }))
      await deliver(engine, { from: bob.userId, to: ada.userId }, { unknownRecipients: true })
      const reported = [...epochs]
      const after = await engine.inbox(bob)
      assert.notEqual(after.epoch, before.epoch)
      assert.deepEqual(reported, [after.epoch])
    })
  })
