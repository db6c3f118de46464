import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Engine } from '../../../../src/engine/engine.js'
import { createExclusiveEngine } from '../../../../src/engine/exclusive/exclusive-engine.js'
import type { Volume } from '../../../../src/engine/exclusive/store/store.js'
import { MemoryStore } from '../../../../src/engine/memory/memory-store.js'
import { idsOf, request, startSession, vouch } from '../../../../src/engine/suite/kit.js'
import { until, untilResolves } from '../../../support/until.js'
import { volumeOf, withStore } from '../../../support/engine/stores.js'

/** These are more sessions than one step detaches. */
const COUNT = 1_200
const users = Array.from({ length: COUNT }, (_, n) => ({ appId: 'app', userId: `user-${n}` }))

/**
 * An engine that keeps its rows when it is closed. `onPage` is called with the number of a page of session rows since `pages` was set to 0.
 */
const onRows = (onPage: (page: number) => void) => {
  const kept = new MemoryStore()
  const disk = { pages: 0, rows: 0, isFull: false, opened: 0 }
  const open = (): Promise<Volume> => {
    disk.opened++
    const store = withStore(kept, {
      iterator: (range) => ({
        async all() {
          const found = await kept.iterator(range).all()
          if (!range.gte.startsWith('session')) return found
          disk.rows += found.length
          onPage(++disk.pages)
          return found
        },
      }),
      batch: (operations) =>
        disk.isFull ? Promise.reject(new Error('the disk is full')) : kept.batch(operations),
      close: () => Promise.resolve(),
    })
    const probe = (): Promise<void> => (disk.isFull ? Promise.reject(new Error('full')) : Promise.resolve())
    return Promise.resolve(volumeOf(store, { probe }))
  }
  return { disk, engine: createExclusiveEngine(open, { onError: () => undefined }) }
}

const idsOfApp = async (engine: Engine): Promise<string[]> =>
  idsOf((await engine.appSessions('app', null, 2 * COUNT)).sessions)

test('stored sessions are read in pages, each in a turn of the event loop, and keep the order of their starts', async () => {
  const { engine, disk } = onRows(() => undefined)
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

test('a session that ends or starts while a recovery reads the rows of sessions has ended or started after the next opening too', async () => {
  let onPage: (page: number) => void = () => undefined
  const { engine, disk } = onRows((page) => onPage(page))
  await engine.open()
  await Promise.all(users.map((user) => startSession(engine, request(user))))
  const started = await idsOfApp(engine)
  disk.isFull = true
  await assert.rejects(engine.saveUser({ appId: 'app', userId: 'ada' }, { vouched: vouch({ name: 'Ada' }) }))
  let changes: Promise<unknown> | undefined
  disk.pages = 0
  onPage = (page) => {
    // By now the rows of the first page are compared, and those of the last one are not read yet.
    if (page !== 2) return
    changes = Promise.all([
      ...users.map(async (user, n) => {
        const [session] = await engine.sessions(user)
        if (session && n % 2 === 0) await engine.endSession(session, 'ended')
      }),
      startSession(engine, request({ appId: 'app', userId: 'new' })),
    ])
  }
  disk.isFull = false
  await until('the engine opens the store again', () => disk.opened > 1 && changes !== undefined)
  await changes
  await untilResolves('the engine writes again', () => engine.saveUser({ appId: 'app', userId: 'ada' }, {}))
  const now = await idsOfApp(engine)
  assert.equal(now.length, COUNT / 2 + 1)
  assert.ok(now.slice(0, -1).every((id) => started.includes(id)))
  await engine.close()
  await engine.open()
  assert.deepEqual(await idsOfApp(engine), now)
  await engine.close()
})
