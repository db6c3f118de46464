// What an engine does when its Redis was away or has lost writes.
import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Engine, EngineEvent } from '../../../../src/engine/index.js'
import {
  ada,
  app,
  bob,
  deliver,
  request,
  saveGuest,
  startSession,
  whileOpen,
} from '../../../../src/engine/suite/kit.js'
import { createRedisClient, type RedisClientOptions } from '../../../../src/engine/redis/client/index.js'
import { STATE } from '../../../../src/engine/redis/fields.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import { evict } from '../../../support/redis/evict.js'
import { hookedClient } from '../../../support/redis/hooked-client.js'
import { standalone, type RedisServer } from '../../../support/redis/server.js'
import { until, untilResolves } from '../../../support/until.js'

interface Node {
  engine: Engine
  events: EngineEvent[]
}

const openNode = async (server: RedisClientOptions): Promise<Node> => {
  // Errors of background jobs are expected while Redis is away.
  const engine = createSharedEngine({ client: () => createRedisClient(server), onError: () => undefined })
  const events: EngineEvent[] = []
  engine.listen((event) => events.push(event), new AbortController().signal)
  await engine.open()
  return { engine, events }
}

const withNodes = async (
  server: RedisClientOptions,
  body: (one: Node, two: Node) => Promise<void>,
): Promise<void> => {
  const nodes = [await openNode(server), await openNode(server)] as const
  try {
    await body(...nodes)
  } finally {
    await Promise.all(nodes.map(({ engine }) => engine.close()))
  }
}

const typesOf = ({ events }: Node): string[] => events.map(({ type }) => type)

/** The causes of the node's lost leases. */
const lostBy = ({ events }: Node): string[] =>
  events.flatMap((event) => (event.type === 'lease-lost' ? [event.cause] : []))

/** Sends one more message once Redis answers again. */
const untilStored = (engine: Engine): Promise<unknown> =>
  untilResolves('a message is stored', () => deliver(engine, { body: 'after' }))

const options = ({ url }: RedisServer): RedisClientOptions => ({ type: 'single', url })

/** This is longer than the lease of a node and the resume window of these tests' sessions. */
const ABSENCE = 12_000

it('ends no session, and counts no node as dead, because Redis was stopped', async () => {
  const server = await standalone()
  await withNodes(options(server), async (one, two) => {
    const carried = await startSession(two.engine, request(ada))
    const asked = request(bob)
    const detached = await startSession(one.engine, asked)
    await one.engine.detachSession(detached, asked.connectionId, 4_000)
    const { epoch } = await one.engine.inbox(bob)
    server.pause()
    // This call waits in the socket of the stopped server, and runs before all others.
    const early = one.engine.sessions(bob).catch(() => undefined)
    await pause(ABSENCE)
    await early
    server.resume()
    await untilStored(one.engine)
    const [session] = await one.engine.sessions(bob)
    assert.equal(session?.sessionId, detached.sessionId)
    await until(
      'the session ends, when its time has passed again',
      async () => (await one.engine.sessions(bob)).length === 0,
    )
    assert.deepEqual(
      (await one.engine.sessions(ada)).map(({ sessionId, state }) => [sessionId, state]),
      [[carried.sessionId, 'active']],
    )
    for (const node of [one, two]) assert.ok(!typesOf(node).includes('lease-lost'))
    assert.equal((await one.engine.inbox(bob)).epoch, epoch, 'the same process has lost nothing')
  })
})

it('ends no session while its nodes are cut off, though those of another database reach the same Redis', async () => {
  const { url, command } = await standalone()
  const database = (number: number): RedisClientOptions => ({ type: 'single', url: `${url}/${number}` })
  const state = `chat-session:{${new Partitions().tags[0]}}:state`
  const { engine: other } = await openNode(database(1))
  let isCut = Promise.resolve()
  const engine = createSharedEngine({
    client: () => hookedClient(database(2), () => isCut),
    onError: assert.ifError,
  })
  await engine.open()
  try {
    const asked = request(ada)
    const session = await startSession(engine, asked)
    const now = Date.now()
    await until(
      'the node notes that it reaches Redis',
      async () => Number(await command('-n', 2, 'hget', state, STATE.reachedAt)) > now,
    )
    await engine.detachSession(session, asked.connectionId, 4_000)
    isCut = pause(ABSENCE)
    await isCut
    assert.deepEqual(
      (await engine.sessions(ada)).map(({ sessionId, state }) => [sessionId, state]),
      [[session.sessionId, 'detached']],
    )
  } finally {
    await Promise.all([engine.close(), other.close()])
  }
})

const restart = async (server: RedisServer): Promise<void> => {
  await server.kill()
  await server.start()
}

it('starts new epochs when Redis is restarted without its data, the same for a node that opens later', async () => {
  const server = await standalone()
  await withNodes(options(server), async (one, two) => {
    await startSession(two.engine, request(bob))
    await deliver(one.engine, { body: 'before' })
    const before = await one.engine.inbox(bob)
    await restart(server)
    await untilStored(one.engine)
    const after = await one.engine.inbox(bob)
    assert.notEqual(after.epoch, before.epoch)
    assert.deepEqual(await one.engine.messagesAfter(bob, before, 10), {
      ...(await one.engine.messagesAfter(bob, { epoch: after.epoch, offset: 0 }, 10)),
      lost: true,
    })
    for (const node of [one, two])
      await until(
        'the node knows that its sessions are gone, and why',
        () => lostBy(node).join(),
        'data-lost',
      )
    const { engine: late } = await openNode(options(server))
    try {
      assert.deepEqual(await late.key(), await one.engine.key())
      assert.equal((await late.inbox(bob)).epoch, after.epoch)
    } finally {
      await late.close()
    }
  })
})

it('says of every node that Redis has lost its data after each FLUSHALL, and after a swap with an empty database', async () => {
  const server = await standalone()
  await withNodes(options(server), async (one, two) => {
    for (const [n, wipe] of [['flushall'], ['flushall', 'async'], ['swapdb', 0, 7]].entries()) {
      await server.command(...wipe)
      const causes = Array.from({ length: n + 1 }, () => 'data-lost').join()
      for (const node of [one, two]) await until('the node knows', () => lostBy(node).join(), causes)
    }
  })
})

it('has another epoch after a backup was restored while no engine was open', async () => {
  const server = await standalone()
  const [dump, backup] = ['dump.rdb', 'backup.rdb'].map((file) => join(server.folder, file)) as [
    string,
    string,
  ]
  const { engine } = await openNode(options(server))
  await deliver(engine, { body: 'kept' })
  await server.command('save')
  await copyFile(dump, backup)
  await deliver(engine, { body: 'lost' })
  const before = await engine.inbox(bob)
  await engine.close()
  await server.kill()
  await copyFile(backup, dump)
  await server.start()
  // As if the lease of the node that has gone had ended: nobody waits for its answer.
  await server.command('del', `chat-session:{${new Partitions().tags[0]}}:nodes`)
  await engine.open()
  await deliver(engine, { body: 'other' })
  assert.notEqual((await engine.inbox(bob)).epoch, before.epoch)
  const { messages, lost } = await engine.messagesAfter(bob, before, 10)
  assert.deepEqual([messages.map(({ body }) => body), lost], [['kept', 'other'], true])
  await engine.close()
})

it('has another epoch after Redis has evicted keys', async () => {
  const server = await standalone()
  const { engine, events } = await openNode(options(server))
  await startSession(engine, request(bob))
  await deliver(engine, { body: 'before' })
  const before = await engine.inbox(bob)
  await evict(server)
  await until('the epoch has changed', () => events.some(({ type }) => type === 'epoch-changed'))
  assert.notEqual((await engine.inbox(bob)).epoch, before.epoch)
  await engine.close()
})

it('looks once, and not at each sweep, at what was due of users whose data Redis has evicted', async () => {
  const server = await standalone()
  let shift = 0
  const engine = createSharedEngine({
    client: () => createRedisClient(options(server)),
    ...{ clockShift: () => shift, onError: assert.ifError },
  })
  await whileOpen(engine, async () => {
    await saveGuest(engine, { appId: app, userId: 'guest:~visitor' })
    const [name = ''] = (await server.command('keys', '*deadlines')).split('\n')
    const [user = ''] = (await server.command('keys', '*:user:*visitor')).split('\n')
    await server.command('del', user)
    assert.equal(Number(await server.command('zcard', name)), 1)
    shift = 120_000
    await until('nothing is due', async () => Number(await server.command('zcard', name)), 0, 10_000)
  })
})
