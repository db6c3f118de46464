// The engine's scripts are a library of Redis Functions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Engine } from '../../../../src/engine/index.js'
import { createRedisClient } from '../../../../src/engine/redis/client/index.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import {
  ada,
  bob,
  bodies,
  deliver,
  isUnavailable,
  newMessage,
  request,
  rules,
  startSession,
} from '../../../../src/engine/suite/kit.js'
import { standalone, type RedisServer, type Settings } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const openEngine = async ({ url }: RedisServer): Promise<Engine> => {
  const engine = createSharedEngine({ client: () => createRedisClient({ type: 'single', url }) })
  await engine.open()
  return engine
}

/** Defines a test on an engine and its server. */
const on = (
  name: string,
  body: (engine: Engine, server: RedisServer) => Promise<void>,
  settings: Settings = {},
): void =>
  void test(name, async () => {
    const server = await standalone({ settings })
    const engine = await openEngine(server)
    try {
      await body(engine, server)
    } finally {
      await engine.close()
    }
  })

const libraries = async (server: RedisServer): Promise<string[]> =>
  (await server.command('function', 'list')).match(/(?<=library_name\n)\w+/g) ?? []

on(
  'an engine deletes the libraries of other versions, and a node of such a version goes on',
  async (old, server) => {
    await deliver(old)
    const [own] = await libraries(server)
    assert.match(own ?? '', /^chat_session_[0-9a-f]{12}$/)
    const other = (name: string): string =>
      `#!lua name=${name}\nredis.register_function('${name}_x', function() return 1 end)`
    await server.command('function', 'load', other('chat_session_0123456789ab'))
    await server.command('function', 'load', other('another_program'))
    // What the old node needs is gone too, as if a new version had opened.
    await server.command('function', 'delete', own ?? '')
    await (await openEngine(server)).close()
    assert.deepEqual((await libraries(server)).sort(), ['another_program', own])
    await server.command('function', 'delete', own ?? '')
    await deliver(old)
    assert.deepEqual(await bodies(old, bob), ['Hello', 'Hello'])
  },
)

on(
  'a server that has lost its state is read: a note of its history is made first',
  async (engine, server) => {
    await deliver(engine)
    const { epoch } = await engine.inbox(bob)
    // The number of an epoch comes from the hundredth of a second in which its generation began.
    const began = Date.now()
    await until('the next hundredth of a second', () => Date.now() - began >= 10)
    await server.command('eval', "return redis.call('DEL', unpack(redis.call('KEYS', '*:state')))", 0)
    const inbox = await engine.inbox(bob)
    assert.equal(inbox.offset, 1)
    assert.notEqual(inbox.epoch, epoch)
  },
)

/** Asserts that an engine reads while it can't store. */
const assertReads = async (engine: Engine): Promise<void> => {
  await assert.rejects(engine.send(newMessage(), rules()), isUnavailable)
  assert.deepEqual(await bodies(engine, bob), ['Hello'])
  assert.equal((await engine.user(ada))?.userId, 'ada')
  assert.equal((await engine.usage('app')).inboxes, 2)
}

on(
  'while the memory of Redis is full, inboxes are read and sessions end; nothing is stored',
  async (engine, server) => {
    const session = await startSession(engine, request(ada))
    await deliver(engine)
    await server.command('config', 'set', 'maxmemory', 1)
    await assertReads(engine)
    await assert.rejects(engine.startSession(request(bob)), isUnavailable)
    await engine.endSession(session, 'ended')
    assert.deepEqual(await engine.sessions(ada), [])
    // Neither the session that has ended nor the start that was refused leaves a note of its token.
    await until('no token', async () => (await server.command('keys', '*}:token:*')).trim(), '')
    await server.command('config', 'set', 'maxmemory', 0)
    await deliver(engine)
  },
)

on(
  'while Redis has too few replicas, inboxes are read; nothing is stored',
  async (engine, server) => {
    await deliver(engine)
    await server.command('config', 'set', 'min-replicas-to-write', 1)
    await assertReads(engine)
    await server.command('config', 'set', 'min-replicas-to-write', 0)
    await deliver(engine)
  },
  { 'min-replicas-max-lag': 1 },
)
