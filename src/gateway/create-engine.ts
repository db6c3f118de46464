import { createEmbeddedEngine, createMemoryEngine, EngineError, type Engine } from '../engine/index.js'
import type { Settings } from './config/parse.js'
import type { Log } from './log.js'
import type { Metrics } from './metrics/metrics.js'

/** Creates the engine of a config. Its errors are logged and counted. */
export const createEngine = (
  settings: Settings['engine'],
  log: Log,
  { engineErrors }: Pick<Metrics, 'engineErrors'>,
): Engine => {
  const onError = (err: unknown): void => {
    engineErrors.inc({ code: err instanceof EngineError ? err.code : 'reported' })
    log.error({ err }, 'the engine reported an error')
  }
  return settings.type === 'memory'
    ? createMemoryEngine({ onError })
    : createEmbeddedEngine({ path: settings.path, onError })
}
