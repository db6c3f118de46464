// One user or app may have more than a script can put on Lua's stack, or read at once.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine } from '../../../../src/engine/index.js'
import { Partitions, partitionTags } from '../../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import {
  ada,
  bob,
  bodies,
  deliver,
  isUnavailable,
  request,
  rules,
  startSession,
  whileOpen,
} from '../../../../src/engine/suite/kit.js'
import { ask, pendingOf } from '../../../../src/engine/suite/webhook-kit.js'
import { redisEngines } from '../../../support/redis/engines.js'
import { failingClient, hookedClient } from '../../../support/redis/hooked-client.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const SESSIONS = 9_000
/** With one session that is left, a page may have all rows that are left, and is the last step. With these no page has. */
const LEFT = 20
const MESSAGES = 2_000
/** `scripts/messages/retention.ts` has the same number. */
const DROPPED_PER_STEP = 256
/** `sessions.ts` has the same number. */
const LAST_STEP_WITHIN = 5_000

const server = await standalone()
const engines = redisEngines(() => ({ type: 'single', url: server.url }))

const withEngine = (prefix: string, body: (engine: Engine) => Promise<void>): Promise<void> =>
  whileOpen(engines.createWith(prefix), body)

/**
 * Gives Ada copies of her session, with ids and numbers of their own. A start of each would take minutes. The last copies, as many as
 * `leaves`, do not make her online, and look as if they start after every revocation.
 */
const copySession = async (prefix: string, { leaves = 0, copies = SESSIONS } = {}): Promise<void> => {
  const script = `local key, numbers = redis.call('KEYS', ARGV[1])[1], redis.call('KEYS', ARGV[2])[1]
    local row = cjson.decode(redis.call('HGETALL', key)[2])
    for n = 1, tonumber(ARGV[3]) do
      row.number = redis.call('HINCRBY', numbers, 'session', 1)
      if n > tonumber(ARGV[3]) - tonumber(ARGV[4]) then
        row.offline, row.token, row.issuedAt, row.number = true, 'another', 9e15, 1e9
      end
      redis.call('HSET', key, 'copy ' .. n, cjson.encode(row))
    end`
  const partition = partitionTags()[new Partitions().of(ada)] ?? ''
  await server.command(
    'eval',
    script,
    0,
    `${prefix}*:sessions:*`,
    `${prefix}{${partition}}:numbers:*`,
    copies,
    leaves,
  )
}

const ends: Record<string, (engine: Engine, tokenId: string) => Promise<unknown>> = {
  user: (engine) => engine.revokeUser(ada, { issuedBefore: null, mode: 'end' }),
  token: (engine, tokenId) => engine.revokeToken(ada.appId, tokenId),
}
for (const [name, end] of Object.entries(ends))
  it(`lists ${SESSIONS} sessions of a user, and ends them by steps: ${name}`, async () => {
    let steps = 0
    const client = hookedClient({ type: 'single', url: server.url }, (called) => {
      if (called === 'revoke') steps++
    })
    const prefix = `${name}:`
    const engine = createSharedEngine({ client: () => client, prefix, onError: assert.ifError })
    await whileOpen(engine, async () => {
      const { credential } = await startSession(engine, request(ada))
      await copySession(prefix)
      assert.equal((await engine.sessions(ada)).length, SESSIONS + 1)
      await end(engine, credential.tokenId ?? '')
      assert.deepEqual(await engine.sessions(ada), [])
      const { online, sessions } = await engine.status(ada)
      assert.deepEqual([online, sessions], [false, 0])
      assert.ok(steps > 10, `${steps} steps`)
    })
  })

for (const leavesOne of [false, true])
  it(`tells once that a user is offline whose sessions end by steps, ${leavesOne ? 'but for one' : 'all of them'}`, async () => {
    const prefix = `once ${leavesOne}:`
    await withEngine(prefix, async (engine) => {
      await ask(engine, ['session.ended', 'user.offline'])
      const { credential } = await startSession(engine, request(ada))
      await copySession(prefix, { leaves: Number(leavesOne), copies: 600 })
      await engine.revokeToken(ada.appId, credential.tokenId ?? '')
      const told = (await pendingOf(engine, ada)).map(({ event: { type, data } }) => [
        ...[type, data['online'], data['sessions']],
      ])
      assert.deepEqual(told.slice(-1), [['user.offline', false, Number(leavesOne)]])
      assert.equal(told.filter(([type]) => type === 'user.offline').length, 1)
      if (!leavesOne) assert.deepEqual(told.at(-2), ['session.ended', false, 0])
    })
  })

for (const [name, end] of Object.entries(ends))
  it(`tells that a user is offline, though the last step of the call fails: ${name}`, async () => {
    const prefix = `unfinished ${name}:`
    let shift = 0
    const engine = createSharedEngine({
      client: () =>
        failingClient({ type: 'single', url: server.url }, 'revoke', (args) => args.includes('last')),
      prefix,
      clockShift: () => shift,
      onError: assert.ifError,
    })
    await whileOpen(engine, async () => {
      await ask(engine, ['user.offline'])
      const { credential } = await startSession(engine, request(ada))
      await copySession(prefix, { leaves: LEFT })
      await assert.rejects(end(engine, credential.tokenId ?? ''), isUnavailable)
      assert.equal((await engine.sessions(ada)).length, LEFT)
      shift = LAST_STEP_WITHIN
      await until('the event', async () => (await engine.takeDueEvents(ada.appId, 10, 60_000)).length, 1)
      assert.equal((await engine.status(ada)).online, false)
    })
  })

it('detaches the sessions of a user by steps when their node closes', async () => {
  let steps = 0
  const client = hookedClient({ type: 'single', url: server.url }, (name) => {
    if (name === 'detachNode') steps++
  })
  const engine = createSharedEngine({ client: () => client, prefix: 'detach:', onError: assert.ifError })
  await engine.open()
  await startSession(engine, request(ada))
  await copySession('detach:')
  await engine.close()
  assert.ok(steps > 10, `${steps} steps`)
  await withEngine('detach:', async (next) => {
    const states = new Set((await next.sessions(ada)).map(({ state }) => state))
    assert.deepEqual([...states], ['detached'])
    assert.equal((await next.status(ada)).sessions, SESSIONS + 1)
  })
})

it('asks for other credentials of all sessions, by steps', async () => {
  await withEngine('reauth:', async (engine) => {
    await startSession(engine, request(ada))
    await copySession('reauth:')
    const asked: string[] = []
    engine.listen((event) => {
      if (event.type === 'reauth') asked.push(event.session.sessionId)
    }, new AbortController().signal)
    await engine.revokeUser(ada, { issuedBefore: null, mode: 'reauth' })
    assert.equal(new Set(asked).size, SESSIONS + 1)
  })
})

it('marks thousands of messages as read by steps, and tells of it once', async () => {
  await withEngine('marks:', async (engine) => {
    for (let n = 0; n < MESSAGES; n += 100)
      await Promise.all(Array.from({ length: 100 }, () => deliver(engine, { from: null })))
    await startSession(engine, request(bob))
    const marks: unknown[] = []
    engine.listen((event) => {
      if (event.type === 'read') marks.push([event.inbox.readOffset, event.inbox.unread])
    }, new AbortController().signal)
    const state = await engine.markRead(bob, { ...(await engine.inbox(bob)), offset: MESSAGES - 1 })
    assert.deepEqual([state?.readOffset, state?.unread, state?.offset], [MESSAGES - 1, 1, MESSAGES])
    assert.deepEqual(marks, [[MESSAGES - 1, 1]])
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
  const errors: unknown[] = []
  const engine = createSharedEngine({
    client: () => failingClient({ type: 'single', url: server.url }, 'expireInbox', () => isFailing),
    prefix: 'retention:',
    onError: (error) => errors.push(error),
  })
  await whileOpen(engine, async () => {
    const under = (messages: number) => ({ retention: { ...rules().retention, messages } })
    for (let n = 0; n < MESSAGES; n += 100)
      await Promise.all(Array.from({ length: 100 }, () => deliver(engine, {}, under(MESSAGES))))
    const unread = async (): Promise<number> => (await engine.inbox(bob)).unread
    assert.equal(await unread(), MESSAGES)
    await deliver(engine, {}, under(10))
    assert.equal(await unread(), MESSAGES + 1 - DROPPED_PER_STEP)
    // Both copies of the message were stored, and neither inbox could be trimmed.
    await until('the errors of two steps', () => errors.length, 2)
    isFailing = false
    await deliver(engine, {}, under(10))
    await until('the unread messages', unread, 10)
    await until('the own copies', async () => (await bodies(engine, ada)).length, 10)
    assert.equal((await bodies(engine, bob)).length, 10)
  })
})
