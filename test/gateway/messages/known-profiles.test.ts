import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine, EngineError, type Engine } from '../../../src/engine/index.js'
import { createKnownProfiles } from '../../../src/gateway/messages/known-profiles.js'
import { createMetrics } from '../../../src/gateway/metrics/metrics.js'

const ada = { appId: 'app', userId: 'ada' }

const setUp = async (read: (engine: Engine) => Engine['user'] = (engine) => engine.user) => {
  const engine = createMemoryEngine()
  await engine.open()
  const [metrics, warnings] = [createMetrics(), [] as unknown[]]
  let [now, reads] = [0, 0]
  const profiles = createKnownProfiles({
    engine: {
      user: (of) => {
        reads++
        return read(engine)(of)
      },
    },
    metrics,
    log: { warn: (...line: unknown[]) => void warnings.push(line) },
    now: () => now,
  })
  return { engine, profiles, metrics, warnings, reads: () => reads, wait: (time: number) => (now += time) }
}

test('a name that a list of peers shows is read at most each ten seconds, and is never older', async () => {
  const { engine, profiles, reads, wait } = await setUp()
  wait(1)
  await engine.saveUser(ada, { claimed: { name: 'Ada' } })
  assert.deepEqual(await profiles.of(ada), { name: 'Ada' })
  await engine.saveUser(ada, { claimed: { name: 'Ada L.' } })
  wait(9_990)
  assert.deepEqual(await profiles.of(ada), { name: 'Ada' })
  assert.equal(reads(), 1)
  wait(20)
  assert.deepEqual(await profiles.of(ada), { name: 'Ada L.' })
  await engine.close()
})

test('that a user does not exist, or has no name, is remembered as long', async () => {
  const { engine, profiles, reads, wait } = await setUp()
  wait(1)
  for (let n = 0; n < 3; n++) assert.equal(await profiles.of(ada), null)
  assert.equal(reads(), 1)
  await engine.saveUser(ada, { claimed: { name: 'Ada' } })
  wait(10_010)
  assert.deepEqual(await profiles.of(ada), { name: 'Ada' })
  await engine.close()
})

test('the names of any number of users take a bounded part of the memory', async () => {
  const name = 'x'.repeat(4_000)
  const { engine, profiles, reads } = await setUp(
    () => (of) => Promise.resolve({ ...of, vouched: { name }, vouchedAt: 1, claimed: {}, createdAt: 1 }),
  )
  for (let n = 0; n < 2_000; n++) await profiles.of({ appId: 'app', userId: `user ${n}` })
  await profiles.of({ appId: 'app', userId: 'user 1999' })
  assert.equal(reads(), 2_000)
  await profiles.of({ appId: 'app', userId: 'user 0' })
  assert.equal(reads(), 2_001)
  await engine.close()
})

test('a user who can’t be read has no name, which is logged and counted, and is tried again', async () => {
  let isBroken = true
  const { engine, profiles, warnings, metrics } = await setUp(
    (engine) => (of) =>
      isBroken ? Promise.reject(new EngineError('unavailable', 'a damaged row')) : engine.user(of),
  )
  await engine.saveUser(ada, { claimed: { name: 'Ada' } })
  assert.equal(await profiles.of(ada), null)
  assert.equal(warnings.length, 1)
  assert.match(await metrics.scrape(), /chat_session_engine_errors_total\{code="unavailable"\} 1/)
  isBroken = false
  assert.deepEqual(await profiles.of(ada), { name: 'Ada' })
  await engine.close()
})
