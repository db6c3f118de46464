import { randomUUID } from 'node:crypto'
import { MemoryLevel } from 'memory-level'
import type { Engine } from './engine.js'
import { LocalEngine, type EngineOptions } from './local.js'
import type { Place } from './store.js'

const openPlace = async (): Promise<Place> => {
  const store = new MemoryLevel<string, string>({ storeEncoding: 'utf8' })
  await store.open()
  return { store, outlivesProcess: false, identity: randomUUID(), probe: () => Promise.resolve() }
}

/** An engine that keeps nothing beyond its closing: for tests, and for gateways whose users need not be remembered. */
export const createMemoryEngine = (options: EngineOptions = {}): Engine =>
  new LocalEngine('memory', openPlace, options)
