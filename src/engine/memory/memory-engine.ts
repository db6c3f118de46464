import { randomUUID } from 'node:crypto'
import type { Engine } from '../engine.js'
import { createExclusiveEngine, type EngineOptions } from '../exclusive/exclusive-engine.js'
import type { Volume } from '../exclusive/store/store.js'
import { MemoryStore } from './memory-store.js'

/** Half of what the embedded engine takes: the rows are in memory already, so the cache saves only the time for parsing them. */
const CACHE_BYTES = 32 * 2 ** 20

const openVolume = (): Promise<Volume> =>
  Promise.resolve({
    store: new MemoryStore(),
    isPersistent: false,
    identity: randomUUID(),
    cacheBytes: CACHE_BYTES,
    assertPresent: () => undefined,
    probe: () => Promise.resolve(),
    maintain: () => Promise.resolve(),
  })

/** Makes an engine in memory. It loses all data when it is closed. Use it for tests, and for gateways that need to store nothing. */
export const createMemoryEngine = (options: EngineOptions = {}): Engine =>
  createExclusiveEngine(openVolume, options)
