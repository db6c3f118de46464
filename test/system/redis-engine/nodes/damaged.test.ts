// Keys in Redis whose data can't be read, for example because somebody has changed them by hand. They stop nothing for others.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine, UserRef } from '../../../../src/engine/index.js'
import type { RedisClientOptions } from '../../../../src/engine/redis/client/index.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import {
  ada,
  app,
  bob,
  bodies,
  deliver,
  isUnavailable,
  newMessage,
  rules,
  whileOpen,
} from '../../../../src/engine/suite/kit.js'
import { startCluster } from '../../../support/redis/cluster.js'
import { failingClient, hookedClient } from '../../../support/redis/hooked-client.js'
import { standalone, type RedisServer } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const cy = { appId: app, userId: 'cy' }
const partitions = new Partitions()

const tagOf = (of: UserRef): string => partitions.tags[partitions.of(of)] ?? ''

/** Runs a script on the server that has its key. */
const onServerOf = async (
  servers: readonly RedisServer[],
  script: string,
  ...args: string[]
): Promise<void> => {
  const results = await Promise.allSettled(servers.map(({ command }) => command('eval', script, 1, ...args)))
  assert.ok(results.some(({ status }) => status === 'fulfilled'))
}

/** Replaces a key of a user by a text. */
const damage = (servers: readonly RedisServer[], kind: string, of: UserRef): Promise<void> =>
  onServerOf(
    servers,
    `local name = KEYS[1] .. ARGV[1] .. string.char(0) .. ARGV[2]
    redis.call('DEL', name)
    return redis.call('SET', name, 'damaged')`,
    ...[`chat-session:{${tagOf(of)}}:${kind}:`, of.appId, of.userId],
  )

const DAY = 86_400_000

it('deletes the expired messages of others while it can never read one inbox, and does not search all inboxes for that again and again', async () => {
  const server = await standalone()
  const errors: unknown[] = []
  const calls = new Map<string, number>()
  const count = (name: string): number => calls.get(name) ?? 0
  const open = (clockShift: number): Engine =>
    createSharedEngine({
      client: () =>
        hookedClient({ type: 'single', url: server.url }, (name) => calls.set(name, count(name) + 1)),
      clockShift: () => clockShift,
      onError: (error) => errors.push(error),
    })
  const first = open(0)
  await whileOpen(first, async () => {
    for (const of of [ada, bob, cy]) await deliver(first, { from: null, to: of.userId })
  })
  await damage([server], 'inbox', bob)
  const engine = open(2 * DAY)
  await whileOpen(engine, async () => {
    await engine.configure(app, { retention: { messages: 100, bytes: 1e6, age: DAY }, webhooks: null })
    for (const of of [ada, cy])
      await until('the message is deleted', async () => (await bodies(engine, of)).length === 0)
    await until('the failure is reported', () => errors.length > 0)
    assert.ok(errors.every(isUnavailable), String(errors[0]))
    const [searches, sweeps] = [count('listAging'), count('listDue')]
    await until('further sweeps', () => count('listDue') >= sweeps + 12)
    assert.equal(count('listAging'), searches)
  })
})

it('makes the pending own copies of others while one note and one inbox can’t be read', async () => {
  const { servers } = await startCluster()
  const options: RedisClientOptions = {
    type: 'cluster',
    nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
  }
  // Senders of one partition, whose copies pend in another one.
  const names = Array.from({ length: 20_000 }, (_, n) => `sender ${n}`)
  const senders = names
    .filter((userId) => partitions.of({ appId: app, userId }) === partitions.of(ada))
    .slice(0, 6)
  assert.equal(senders.length, 6)
  const errors: unknown[] = []
  let isBroken = true
  const engine = createSharedEngine({
    client: () => failingClient(options, 'makeOwnCopy', () => isBroken),
    onError: (error) => errors.push(error),
  })
  await whileOpen(engine, async () => {
    for (const from of senders)
      await assert.rejects(engine.send(newMessage({ from, to: 'bob' }), rules()), isUnavailable)
    await onServerOf(
      servers,
      "return redis.call('HSET', KEYS[1], 'note', ARGV[1])",
      ...[`chat-session:{${tagOf(bob)}}:ownCopies`, `${app} not a note`],
    )
    await damage(servers, 'inbox', { appId: app, userId: senders[0] ?? '' })
    isBroken = false
    const made = async (): Promise<number> => {
      const all = await Promise.all(
        senders.slice(1).map(async (userId) => (await bodies(engine, { appId: app, userId })).length),
      )
      return all.filter((count) => count === 1).length
    }
    await until('the other copies are made', made, 5)
    await until('the failure is reported', () =>
      errors.some((error) => !String(error).includes('The test lets')),
    )
  })
})
