import { randomUUID } from 'node:crypto'
import type { Engine } from '../engine.js'
import { LocalEngine, type EngineOptions } from '../local/local-engine.js'
import { MemoryStore } from './memory-store.js'
import type { Volume } from '../local/store.js'

const openVolume = (): Promise<Volume> =>
  Promise.resolve({
    store: new MemoryStore(),
    isPersistent: false,
    identity: randomUUID(),
    probe: () => Promise.resolve(),
  })

/** An engine that keeps nothing beyond its closing: for tests, and for gateways whose users need not be remembered. */
export const createMemoryEngine = (options: EngineOptions = {}): Engine =>
  new LocalEngine(openVolume, options)
