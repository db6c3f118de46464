// A node renews its lease whatever else it has to do.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EngineError } from '../../../../src/engine/index.js'
import { STATE } from '../../../../src/engine/redis/fields.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import { Departures } from '../../../../src/engine/redis/sessions/departures.js'
import { ada, deliver, nextEvents, request, startSession } from '../../../../src/engine/suite/kit.js'
import { redisEngines } from '../../../support/redis/engines.js'
import { hookedClient } from '../../../support/redis/hooked-client.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const server = await standalone()
const partitions = new Partitions()

/** An engine whose calls of one script wait for `release`, and the number of its beats. */
const waitingEngine = (prefix: string, name: string) => {
  const waiting: (() => void)[] = []
  const state = { beats: 0, isHeld: true }
  const client = hookedClient({ type: 'single', url: server.url }, async (called) => {
    if (called === 'beat') state.beats++
    if (called === name && state.isHeld) await new Promise<void>((resolve) => waiting.push(resolve))
  })
  const release = (): void => {
    state.isHeld = false
    for (const resolve of waiting.splice(0)) resolve()
  }
  const engine = createSharedEngine({ client: () => client, prefix, onError: assert.ifError })
  return { engine, state, waiting, release }
}

it('renews its lease while it detaches the sessions of a dead node, and closes when that is done', async () => {
  const { engine, state, waiting, release } = waitingEngine('bury:', 'detachNode')
  await engine.open()
  try {
    const [partition, tag] = [partitions.of(ada), (n: number) => `bury:{${partitions.tags[n]}}:`]
    const script = `redis.call('ZADD', KEYS[1], 0, 'dead')
      redis.call('HSET', KEYS[2], 'f', 1)
      redis.call('ZADD', KEYS[3], 0, 'dead' .. string.char(0) .. ARGV[1] .. string.char(0) .. ARGV[2])`
    const keys = [`${tag(0)}nodes`, `${tag(0)}state`, `${tag(partition)}attached`]
    await server.command('eval', script, 3, ...keys, ada.appId, ada.userId)
    await until('the burial', () => waiting.length, 1)
    const { beats } = state
    await until('three beats', () => state.beats >= beats + 3)
    // The burial runs once, though each beat names the dead node.
    assert.equal(waiting.length, 1)
    release()
    await until(
      'the end of the burial',
      async () => (await server.command('zscore', keys[0] ?? '', 'dead')).trim(),
      '',
    )
  } finally {
    release()
    await engine.close()
  }
})

it('leaves the sessions alone that start at a node which comes back while its sessions are detached', async () => {
  const prefix = 'back:'
  const { engine, waiting, release } = waitingEngine(prefix, 'detachNode')
  const paused = redisEngines(() => ({ type: 'single', url: server.url })).createWith(prefix)
  await engine.open()
  await paused.open()
  try {
    const before = await startSession(paused, request(ada))
    const state = `${prefix}{${partitions.tags[0]}}:`
    const attached = `${prefix}{${partitions.tags[partitions.of(ada)]}}:attached`
    const [nodeId = ''] = (await server.command('zrange', attached, 0, 0)).split('\0')
    const isLost = nextEvents(paused, 'lease-lost')
    await server.command('hset', `${state}state`, STATE.reachedSince, 1)
    await server.command('zadd', `${state}nodes`, 0, nodeId)
    await until('the other node detaches the sessions', () => waiting.length, 1)
    assert.deepEqual(await isLost, [{ type: 'lease-lost', cause: 'taken-over' }])
    const after = await startSession(paused, request(ada))
    release()
    const states = async (): Promise<string> =>
      (await engine.sessions(ada)).map(({ sessionId, state }) => `${sessionId}: ${state}`).join()
    await until(
      'the session from before is detached',
      states,
      `${before.sessionId}: detached,${after.sessionId}: active`,
      10_000,
    )
    const messages = nextEvents(paused, 'message')
    await deliver(engine, { from: null, to: ada.userId })
    await messages
  } finally {
    release()
    await Promise.all([engine.close(), paused.close()])
  }
})

it('makes all departures but the one that keeps failing', async () => {
  const departures = new Departures()
  let isAway = true
  let made = 0
  const run = (change: () => Promise<unknown>): Promise<unknown> =>
    departures.run(change).catch((error: unknown) => assert.ok(error instanceof EngineError))
  await run(() => Promise.reject(new EngineError('unavailable', 'always')))
  for (let n = 0; n < 250; n++)
    await run(() => {
      if (isAway) return Promise.reject(new EngineError('unavailable', 'away'))
      made++
      return Promise.resolve(true)
    })
  await assert.rejects(departures.retry(), EngineError)
  isAway = false
  await assert.rejects(departures.retry(), /always/)
  assert.equal(made, 250)
  await assert.rejects(departures.retry(), /always/)
  assert.equal(made, 250)
})
