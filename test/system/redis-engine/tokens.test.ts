// Redis stores as much about a token as a session or a revocation needs, and no longer than they need it.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine, SessionRequest } from '../../../src/engine/index.js'
import {
  ada,
  app,
  isUnavailable,
  request,
  saveGuest,
  startSession,
  whileOpen,
} from '../../../src/engine/suite/kit.js'
import { ConnectionFailure, unavailable } from '../../../src/engine/redis/client/failures.js'
import { createSharedEngine } from '../../../src/engine/redis/redis-engine.js'
import { redisEngines } from '../../support/redis/engines.js'
import { hookedClient, lossyClient } from '../../support/redis/hooked-client.js'
import { standalone } from '../../support/redis/server.js'
import { until } from '../../support/until.js'

const DAY = 86_400_000

const server = await standalone()
const engines = redisEngines(() => ({ type: 'single', url: server.url }))

const withEngine = async (
  prefix: string,
  body: (engine: Engine, keys: () => Promise<string[]>) => Promise<void>,
): Promise<void> => {
  const keys = async (): Promise<string[]> =>
    (await server.command('keys', `${prefix}*}:token:*`)).split('\n').filter((line) => line !== '')
  await whileOpen(engines.createWith(prefix), (engine) => body(engine, keys))
}

const withToken = (tokenId: string, more: Partial<SessionRequest> = {}): SessionRequest =>
  request(ada, {
    credential: { authMethod: 'token', tokenId, issuedAt: Date.now(), expiresAt: null },
    ...more,
  })

const none = async (keys: () => Promise<string[]>): Promise<void> =>
  until('no keys', async () => (await keys()).length, 0)

it('keeps nothing of the tokens of guests who start and end', async () => {
  await withEngine('guests:', async (engine, keys) => {
    for (let n = 0; n < 30; n++) {
      const userId = `guest ${n}`
      await saveGuest(engine, { appId: app, userId }, {}, 1_000)
      const session = await startSession(engine, withToken(`token ${n}`, { userId, guest: true }))
      assert.equal((await keys()).length > 0, true)
      await engine.endSession(session, 'ended')
    }
    await none(keys)
  })
})

it('keeps nothing of tokens that a session had before, nor of a start that was refused', async () => {
  await withEngine('before:', async (engine, keys) => {
    const first = withToken('first', { keyHash: 'key' })
    const session = await startSession(engine, first)
    const second = withToken('second', { resumes: 'key' })
    await startSession(engine, second)
    await until('one key', async () => (await keys()).length, 1)
    const { credential } = withToken('third')
    assert.equal(await engine.renewSession(session, second.connectionId, credential), true)
    assert.equal(
      await engine.renewSession(session, 'another connection', withToken('fourth').credential),
      true,
    )
    await until('one key', async () => (await keys()).length, 1)
    await engine.detachSession(session, second.connectionId, 0)
    await none(keys)
    await engine.revokeUser(ada, { issuedBefore: Date.now() + DAY, mode: 'end' })
    assert.equal(await engine.startSession(withToken('refused')), null)
    await none(keys)
  })
})

it('keeps nothing of the token of a start that Redis refused because its memory was full', async () => {
  await withEngine('full:', async (engine, keys) => {
    await server.command('config', 'set', 'maxmemory', 1)
    try {
      await assert.rejects(engine.startSession(withToken('full')), isUnavailable)
      await none(keys)
    } finally {
      await server.command('config', 'set', 'maxmemory', 0)
    }
  })
})

it('keeps nothing of the tokens of renewals that did not come to Redis, because one master of a cluster is away', async () => {
  let isAway = true
  const client = hookedClient({ type: 'single', url: server.url }, (script) => {
    if (script === 'renewSession' && isAway) throw unavailable(script, new ConnectionFailure('no connection'))
  })
  const engine = createSharedEngine({ client: () => client, prefix: 'away:', onError: assert.ifError })
  await whileOpen(engine, async () => {
    const started = withToken('started')
    const session = await startSession(engine, started)
    const { credential } = withToken('renewed')
    for (let n = 0; n < 3; n++)
      await assert.rejects(engine.renewSession(session, started.connectionId, credential), isUnavailable)
    const keys = async (): Promise<string[]> =>
      (await server.command('keys', 'away:*}:token:*')).split('\n').filter((line) => line !== '')
    await until('one key', async () => (await keys()).length, 1)
    isAway = false
    assert.equal(await engine.renewSession(session, started.connectionId, credential), true)
    await engine.revokeToken(app, 'renewed')
    assert.deepEqual(await engine.sessions(ada), [])
  })
})

it('keeps nothing of the tokens of starts and renewals whose first reply was lost', async () => {
  let loss: 'reply' | undefined
  const client = lossyClient({ type: 'single', url: server.url }, (script) =>
    script === 'useToken' ? loss : undefined,
  )
  const engine = createSharedEngine({ client: () => client, prefix: 'lost:', onError: assert.ifError })
  await whileOpen(engine, async () => {
    const started = request(ada, { credential: { ...withToken('').credential, tokenId: null } })
    const session = await startSession(engine, started)
    loss = 'reply'
    await assert.rejects(engine.startSession(withToken('lost')), isUnavailable)
    const { credential } = withToken('lost too')
    await assert.rejects(engine.renewSession(session, started.connectionId, credential), isUnavailable)
    await until('no keys', async () => (await server.command('keys', 'lost:*}:token:*')).trim(), '', 10_000)
  })
})

it('ends the session that still stands on a token, though another one of it has ended', async () => {
  await withEngine('shared:', async (engine, keys) => {
    const [one, two] = [
      await startSession(engine, withToken('shared')),
      await startSession(engine, withToken('shared')),
    ]
    await engine.endSession(one, 'ended')
    // The note of the session that has ended is gone. That of the other one is there, beside the time when the token expires.
    await until('one note', async () => server.command('hlen', (await keys())[0] ?? ''), '2')
    await engine.revokeToken(app, 'shared')
    assert.deepEqual(await engine.sessions(ada), [])
    assert.equal(await engine.endSession(two, 'ended'), false)
    assert.equal(await engine.startSession(withToken('shared')), null)
  })
})

it('keeps the revocation of a token that nobody has shown for 400 days', async () => {
  await withEngine('unseen:', async (engine, keys) => {
    await engine.revokeToken(app, 'unseen')
    const left = Number(await server.command('pttl', (await keys())[0] ?? ''))
    assert.ok(left > 399 * DAY && left <= 400 * DAY, `${left}`)
  })
})

it('keeps the revocation of a token that never expires for ever, also if the token is revoked again', async () => {
  await withEngine('endless:', async (engine, keys) => {
    await startSession(engine, withToken('endless'))
    for (let n = 0; n < 2; n++) {
      await engine.revokeToken(app, 'endless')
      assert.equal(await server.command('pttl', (await keys())[0] ?? ''), '-1')
      assert.equal(await engine.startSession(withToken('endless')), null)
    }
    // By this list a transfer finds the token.
    const list = await server.command('keys', 'endless:*}:tokens:*')
    assert.equal(await server.command('zscore', list, 'endless'), 'inf')
  })
})
