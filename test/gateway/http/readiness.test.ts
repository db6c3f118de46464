import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine, EngineError } from '../../../src/engine/index.js'
import { createLog } from '../../../src/gateway/index.js'
import { createReadiness } from '../../../src/gateway/http/readiness.js'
import { startGateway } from '../../support/gateway.js'

const readyz = async (url: string): Promise<[number, unknown]> => {
  const response = await fetch(`${url}/readyz`)
  assert.equal(response.headers.get('cache-control'), 'no-store')
  return [response.status, await response.json()]
}

test('/readyz answers 503 while the engine fails, and 200 when it works again; /healthz answers 200 all along', async (t) => {
  const engine = createMemoryEngine()
  const { check } = engine
  let isBroken = true
  engine.check = () =>
    isBroken ? Promise.reject(new EngineError('unavailable', 'The disk is full.')) : check.call(engine)
  const { url } = await startGateway({}, {}, { engine })
  let now = 10_000
  t.mock.method(performance, 'now', () => now)
  assert.deepEqual(await readyz(url), [503, { status: 'unavailable' }])
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
  isBroken = false
  now += 1_001
  assert.deepEqual(await readyz(url), [200, { status: 'ready' }])
})

test('a thousand requests cost one check a second', async (t) => {
  let now = 0
  t.mock.method(performance, 'now', () => now)
  let checks = 0
  const check = (): Promise<void> => {
    checks += 1
    return Promise.resolve()
  }
  const readiness = createReadiness(() => false, { check }, createLog({ level: 'fatal' }))
  const ask = async (): Promise<void> => {
    for (const answer of await Promise.all(Array.from({ length: 500 }, readiness)))
      assert.equal(answer, 'ready')
  }
  await ask()
  await ask()
  assert.equal(checks, 1)
  now += 1_001
  await ask()
  assert.equal(checks, 2)
})

test('a check that hangs counts as failed after five seconds; no other one begins before it ends, and then the engine is ready again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  t.mock.method(performance, 'now', () => now)
  let checks = 0
  let finish: (() => void) | undefined
  const check = (): Promise<void> => {
    checks += 1
    return new Promise((resolve) => (finish = resolve))
  }
  const readiness = createReadiness(() => false, { check }, createLog({ level: 'fatal' }))
  for (let i = 0; i < 3; i++) {
    const answer = readiness()
    t.mock.timers.tick(5_000)
    now += 6_001
    assert.equal(await answer, 'unavailable')
  }
  assert.equal(checks, 1)
  now += 1_001
  const answer = readiness()
  finish?.()
  assert.equal(await answer, 'ready')
})
