import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EngineError } from '../../../src/engine/index.js'
import { Departures } from '../../../src/engine/redis/sessions/departures.js'

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
