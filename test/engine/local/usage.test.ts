import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SingleProcessEngine } from '../../../src/engine/local/local-engine.js'
import { rows } from '../../../src/engine/local/rows.js'
import { MemoryStore } from '../../../src/engine/memory/memory-store.js'
import { rules, volumeOf, withStore } from '../stores.js'

/** Returns how many users an app has after one was saved, and whether a row of that was written. */
const saveUser = async (isPersistent: boolean) => {
  const store = new MemoryStore()
  const written = new Set<string>()
  const recorded = withStore(store, {
    batch(operations) {
      for (const { key } of operations) written.add(key)
      return store.batch(operations)
    },
  })
  const engine = new SingleProcessEngine(() => Promise.resolve(volumeOf(recorded, { isPersistent })))
  await engine.open()
  await engine.saveUser({ appId: 'app', userId: 'ada' }, {})
  await engine.send({ appId: 'app', id: '1', from: null, to: 'ada', body: 'Hello' }, rules)
  const { users, inboxes } = await engine.usage('app')
  await engine.close()
  return { users, inboxes, hasRow: written.has(rows.usage('app')) }
}

test("an app's usage is a row of a disk, and no row of a store in memory, where it is counted as well", async () => {
  assert.deepEqual(await saveUser(true), { users: 1, inboxes: 1, hasRow: true })
  assert.deepEqual(await saveUser(false), { users: 1, inboxes: 1, hasRow: false })
})
