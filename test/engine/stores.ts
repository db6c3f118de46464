import { MemoryStore } from '../../src/engine/memory/memory-store.js'
import type { Operation, Volume, Store } from '../../src/engine/local/store.js'

export const placeOf = (store: Store, more: Partial<Volume> = {}): Volume => ({
  store,
  isPersistent: true,
  identity: 'here',
  probe: () => Promise.resolve(),
  ...more,
})

/** The same store, some of whose methods are others. */
export const withStore = (store: Store, more: Partial<Store>): Store => ({
  getSync: (key) => store.getSync(key),
  iterator: (range) => store.iterator(range),
  batch: (operations, options) => store.batch(operations, options),
  close: () => store.close(),
  ...more,
})

export interface Forgetful {
  store: Store
  /** What is left after a power cut. */
  kept: MemoryStore
  batches: { operations: Operation[]; sync: boolean }[]
}

/** A store that forgets what was not synced: at a power cut, `kept` is what is left. */
export const forgetful = (): Forgetful => {
  const [live, kept] = [new MemoryStore(), new MemoryStore()]
  const batches: Forgetful['batches'] = []
  let unsynced: Operation[] = []
  const batch: Store['batch'] = async (operations, { sync }) => {
    batches.push({ operations, sync })
    unsynced.push(...operations)
    // A sync takes its time.
    await new Promise((resolve) => setImmediate(resolve))
    if (sync) {
      const now = unsynced
      unsynced = []
      await kept.batch(now)
    }
    await live.batch(operations)
  }
  return { kept, batches, store: withStore(live, { batch }) }
}

export const rules = {
  sendWindow: 3_600_000,
  retention: { messages: 1_000, age: 86_400_000 },
  unknownRecipients: true,
  quota: { inboxes: 1_000_000, bytes: 1_000_000_000_000 },
}
