// One user or app may have more than a script can put on Lua's stack, or read at once.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine } from '../../../src/engine/index.js'
import { RedisEngine } from '../../../src/engine/redis/redis-engine.js'
import { ada, bob, bodies, deliver, request, rules, startSession } from '../../../src/engine/suite/kit.js'
import { failingClient } from '../../support/redis/failing-client.js'
import { redisEngines } from '../../support/redis/engines.js'
import { standalone } from '../../support/redis/server.js'
import { until } from '../../support/until.js'

const SESSIONS = 9_000
const MESSAGES = 2_000
/** `inbox.lua` has the same number. */
const DROPPED_PER_STEP = 256

const server = await standalone()
const engines = redisEngines(() => ({ type: 'single', url: server.url }))

const withEngine = async (prefix: string, body: (engine: Engine) => Promise<void>): Promise<void> => {
  const engine = engines.createWith(prefix)
  await engine.open()
  try {
    await body(engine)
  } finally {
    await engine.close()
  }
}

/** Gives Ada copies of her session, with ids of their own. A start of each would take minutes. */
const copySession = async (prefix: string): Promise<void> => {
  const script = `local key = redis.call('KEYS', ARGV[1])[1]
    local all = redis.call('HGETALL', key)
    for n = 1, tonumber(ARGV[2]) do redis.call('HSET', key, 'copy ' .. n, all[2]) end`
  await server.command('eval', script, 0, `${prefix}*:sessions:*`, SESSIONS)
}

it(`lists ${SESSIONS} sessions of a user, and ends them by a revocation`, async () => {
  await withEngine('sessions:', async (engine) => {
    await startSession(engine, request(ada))
    await copySession('sessions:')
    assert.equal((await engine.sessions(ada)).length, SESSIONS + 1)
    await engine.revokeUser(ada, { issuedBefore: null, mode: 'end' })
    assert.deepEqual(await engine.sessions(ada), [])
    const { online, sessions } = await engine.status(ada)
    assert.deepEqual([online, sessions], [false, 0])
  })
})

it('opens with as many apps as were ever configured', async () => {
  await withEngine('apps:', (engine) =>
    engine.configure('app', { retention: rules().retention, webhooks: null }),
  )
  const script = `local key = redis.call('KEYS', ARGV[1])[1]
    local options = redis.call('HGET', key, 'app')
    for n = 1, 5000 do redis.call('HSET', key, 'app ' .. n, options) end`
  await server.command('eval', script, 0, 'apps:*:apps')
  await withEngine('apps:', (engine) => engine.check())
})

it('deletes the messages beyond a lower retention by steps, and goes on with the next message', async () => {
  let isFailing = true
  const engine = new RedisEngine({
    client: () => failingClient({ type: 'single', url: server.url }, 'inbox-trim', () => isFailing),
    prefix: 'retention:',
    onError: assert.ifError,
  })
  await engine.open()
  try {
    const under = (messages: number) => ({ retention: { ...rules().retention, messages } })
    for (let n = 0; n < MESSAGES; n += 100)
      await Promise.all(Array.from({ length: 100 }, () => deliver(engine, {}, under(MESSAGES))))
    const unread = async (): Promise<number> => (await engine.inbox(bob)).unread
    assert.equal(await unread(), MESSAGES)
    await deliver(engine, {}, under(10))
    assert.equal(await unread(), MESSAGES + 1 - DROPPED_PER_STEP)
    isFailing = false
    await deliver(engine, {}, under(10))
    await until('the unread messages', unread, 10)
    await until('the own copies', async () => (await bodies(engine, ada)).length, 10)
    assert.equal((await bodies(engine, bob)).length, 10)
  } finally {
    await engine.close()
  }
})
