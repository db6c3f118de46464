import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Engine } from '../../../../src/engine/engine.js'
import { createExclusiveEngine } from '../../../../src/engine/exclusive/exclusive-engine.js'
import { MemoryStore } from '../../../../src/engine/memory/memory-store.js'
import { idsOf, request, startSession } from '../../../../src/engine/suite/kit.js'
import { until } from '../../../support/until.js'
import { volumeOf, withStore } from '../../../support/engine/stores.js'

/** These are more sessions than one step detaches. */
const COUNT = 1_200
const users = Array.from({ length: COUNT }, (_, n) => ({ appId: 'app', userId: `user-${n}` }))

/** An engine that keeps its rows when it is closed. `disk.rows` counts the rows of sessions that were read. */
const onRows = () => {
  const kept = new MemoryStore()
  const disk = { rows: 0 }
  const store = withStore(kept, {
    iterator: (range) => ({
      async all() {
        const found = await kept.iterator(range).all()
        if (range.gte.startsWith('session')) disk.rows += found.length
        return found
      },
    }),
    close: () => Promise.resolve(),
  })
  return { disk, engine: createExclusiveEngine(() => Promise.resolve(volumeOf(store))) }
}

const idsOfApp = async (engine: Engine): Promise<string[]> =>
  idsOf((await engine.appSessions('app', null, 2 * COUNT)).sessions)

test('stored sessions are read in pages, each in a turn of the event loop, and keep the order of their starts', async () => {
  const { engine, disk } = onRows()
  await engine.open()
  await Promise.all(users.map((user) => startSession(engine, request(user))))
  const started = await idsOfApp(engine)
  await engine.close()
  disk.rows = 0
  let [largest, last] = [0, 0]
  const opening = engine.open()
  await until('the sessions', async () => {
    for (let n = 0; n < 100 && disk.rows < COUNT; n++) {
      await new Promise((resolve) => setImmediate(resolve))
      largest = Math.max(largest, disk.rows - last)
      last = disk.rows
    }
    return disk.rows === COUNT
  })
  await opening
  // These are two pages of 256, because one may be read before the first turn is over.
  assert.ok(largest <= 512, `${largest} in one turn`)
  assert.equal(started.length, COUNT)
  assert.deepEqual(await idsOfApp(engine), started)
  const sessions = (await engine.appSessions('app', null, 1)).sessions
  assert.deepEqual(
    sessions.map(({ state }) => state),
    ['detached'],
  )
  await engine.close()
})
