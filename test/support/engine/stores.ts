import { MemoryStore } from '../../../src/engine/memory/memory-store.js'
import type { Engine } from '../../../src/engine/engine.js'
import { createExclusiveEngine } from '../../../src/engine/exclusive/exclusive-engine.js'
import type { Core } from '../../../src/engine/exclusive/store/core.js'
import { GroupCommit } from '../../../src/engine/exclusive/store/group-commit.js'
import { Reads } from '../../../src/engine/exclusive/store/reads.js'
import { Usage } from '../../../src/engine/exclusive/store/usage.js'
import { Clock } from '../../../src/util/clock.js'
import { Scheduler } from '../../../src/util/scheduler.js'
import type { Operation, Volume, Store } from '../../../src/engine/exclusive/store/store.js'

export const volumeOf = (store: Store, more: Partial<Volume> = {}): Volume => ({
  store,
  isPersistent: true,
  identity: 'here',
  // Memory has room for two inboxes, so tests with more users evict them.
  cacheBytes: 2_000,
  assertPresent: () => undefined,
  probe: () => Promise.resolve(),
  maintain: () => Promise.resolve(),
  ...more,
})

/** Resolves with an open engine on the store. `cacheBytes` is that of the volume. */
export const engineOn = async (
  store: Store,
  { cacheBytes, onError }: { cacheBytes?: number; onError?: (error: unknown) => void } = {},
): Promise<Engine> => {
  const volume = volumeOf(store, cacheBytes === undefined ? {} : { cacheBytes })
  const engine = createExclusiveEngine(() => Promise.resolve(volume), { onError })
  await engine.open()
  return engine
}

/** What the parts of a database on the store share. No write may fail. */
export const coreOf = (store: Store): Core => {
  const unexpected = (error: unknown): never => {
    throw error
  }
  const commit = new GroupCommit(store, unexpected)
  const clock = new Clock(Date.now())
  const scheduler = new Scheduler(clock, () => commit.isWritable, unexpected)
  const reads = new Reads(store)
  const usage = new Usage(store, commit)
  return { store, commit, reads, usage, run: 1, clock, scheduler, emit: () => undefined, onError: unexpected }
}

/** The same store with some of its methods replaced. */
export const withStore = (store: Store, more: Partial<Store>): Store => ({
  getSync: (key) => store.getSync(key),
  iterator: (range) => store.iterator(range),
  batch: (operations, options) => store.batch(operations, options),
  close: () => store.close(),
  ...more,
})

interface PowerCutStore {
  store: Store
  /** The store after a power cut. */
  kept: MemoryStore
  batches: { operations: Operation[]; sync: boolean }[]
}

/** A store that loses unsynced writes at a power cut: `kept` has only the synced ones. */
export const createPowerCutStore = (): PowerCutStore => {
  const [live, kept] = [new MemoryStore(), new MemoryStore()]
  const batches: PowerCutStore['batches'] = []
  let unsynced: Operation[] = []
  const batch: Store['batch'] = async (operations, { sync }) => {
    batches.push({ operations, sync })
    unsynced.push(...operations)
    // A sync takes a task or more.
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
  retention: { messages: 1_000, age: 86_400_000, bytes: 1e9 },
  unknownRecipients: true,
  unknownSenders: true,
  unreadPerSender: 1,
  quota: { inboxes: 1_000_000, bytes: 1_000_000_000_000 },
}
