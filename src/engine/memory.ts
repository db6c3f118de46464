import { MemoryLevel } from 'memory-level'
import type { Engine } from './engine.js'
import { LocalEngine, type EngineOptions } from './local.js'

/** An engine that keeps nothing beyond its closing: for tests, and for gateways whose users need not be remembered. */
export const createMemoryEngine = (options: EngineOptions = {}): Engine =>
  new LocalEngine(
    'memory',
    () => Promise.resolve(new MemoryLevel<string, string>({ storeEncoding: 'utf8' })),
    options,
  )
