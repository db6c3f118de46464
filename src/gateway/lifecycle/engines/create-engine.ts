import {
  createEmbeddedEngine,
  createMemoryEngine,
  createRedisEngine,
  EngineError,
  type Engine,
} from '../../../engine/index.js'
import type { Settings } from '../../config/parse.js'
import type { Log } from '../../log.js'
import type { Metrics } from '../../metrics/metrics.js'
import { redisServerOf } from './redis-server.js'

/** A Redis engine that missed the news of a message notices that within this many milliseconds, even if `pingInterval` is longer. */
const MAX_COMPARE_INTERVAL = 15_000

/**
 * Creates the engine of a config. The engine's errors are logged and counted. Throws a `GatewayError` if a file of the config can't be
 * read.
 */
export const createEngine = (
  { engine: settings, pingInterval }: Pick<Settings, 'engine' | 'pingInterval'>,
  log: Log,
  { engineErrors }: Pick<Metrics, 'engineErrors'>,
): Engine => {
  const onError = (err: unknown): void => {
    engineErrors.inc({ code: err instanceof EngineError ? err.code : 'reported' })
    log.error({ err }, 'the engine reported an error')
  }
  switch (settings.type) {
    case 'memory':
      return createMemoryEngine({ onError })
    case 'embedded':
      return createEmbeddedEngine({
        ...{ path: settings.path, cacheBytes: settings.cacheBytes, onError },
        onWarning: (warning) => log.warn(warning),
      })
    case 'redis':
      return createRedisEngine({
        server: redisServerOf(settings),
        prefix: settings.prefix,
        compareInterval: Math.min(pingInterval, MAX_COMPARE_INTERVAL),
        onError,
        onOpen: ({ version, appendfsync }) =>
          log.info({ version, appendfsync: appendfsync ?? 'unknown' }, durabilityOf(appendfsync)),
      })
  }
}

/** Returns the text for the log that says what a crash loses with this `appendfsync` of the server. */
const durabilityOf = (appendfsync: string | undefined): string => {
  switch (appendfsync) {
    case 'always':
      return 'the engine is open: Redis has written a message to its disk before it is acknowledged'
    case 'everysec':
      return "the engine is open: if Redis's machine crashes, about one second of acknowledged messages is lost"
    case 'no':
      return "the engine is open: if Redis's machine crashes, acknowledged messages that its kernel had not written are lost"
    case 'off':
      return 'the engine is open: Redis writes no append-only file, so that its restart loses acknowledged messages'
    default:
      return 'the engine is open: Redis does not tell its appendfsync, which decides what a crash loses'
  }
}
