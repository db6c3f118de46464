import { availableParallelism } from 'node:os'
import { createGateway, createLog, type Gateway, type GatewayConfig, type Log } from '../gateway/index.js'
import { isLogLevel, LOG_LEVELS, parseOrThrow, type LogLevel } from '../gateway/internal.js'
import { CliError, isForUser } from './cli-error.js'
import { loadConfig, type ConfigOptions } from './load-config.js'
import { closeAndExit, untilSignal } from './until-signal.js'
import { connectToPrimary } from './workers/worker.js'
import { runWorkers } from './workers/workers.js'

export interface ServeOptions extends ConfigOptions {
  logLevel?: string
  /** How many processes serve the port; `auto` for one per core. */
  workers?: number | 'auto'
}

/** Returns the log level. An empty text counts as absent, because some shells and compose files set an empty LOG_LEVEL. */
const parseLogLevel = (level: string | undefined): LogLevel => {
  if (!level) return 'info'
  if (isLogLevel(level)) return level
  throw new CliError(
    `"${level}" is not a log level: set --log-level or LOG_LEVEL to one of ${LOG_LEVELS.join(', ')}.`,
  )
}

/** Returns how many workers `--workers` asks for. Rejects with a `CliError` if this runtime or engine can't have several workers. */
const countWorkers = async (workers: number | 'auto', config: string | undefined): Promise<number> => {
  if (process.versions['bun'] !== undefined)
    throw new CliError('--workers needs Node.js: Bun shares no port.')
  const { engine, listen } = parseOrThrow(await loadConfig(config), process.env)
  if (engine.type !== 'redis')
    throw new CliError(
      `--workers needs a Redis that the workers share, and engine.type is "${engine.type}": set it to "redis", or leave out --workers.`,
    )
  if (listen.path !== null) throw new CliError('--workers share a port: leave out listen.path, or --workers.')
  return workers === 'auto' ? availableParallelism() : workers
}

/** Reads the config again. A config that can't be used changes nothing, and each of its problems is logged. */
const reloadConfig = async (
  gateway: Gateway,
  load: () => Promise<GatewayConfig>,
  log: Log,
): Promise<void> => {
  try {
    const { applied, needsRestart } = await gateway.reload(load)
    log.info({ applied }, 'the config was reloaded')
    if (needsRestart.length > 0)
      log.warn({ needsRestart }, 'keys of the config have changed that need a restart: the old values stay')
  } catch (error) {
    // A defect is only logged, because it must not end the process and its sessions.
    const why = isForUser(error) ? { problems: error.message.split('\n') } : { err: error }
    log.error(why, 'the config was not reloaded: the gateway goes on with the old config')
  }
}

export const serve = async ({ config, logLevel, workers }: ServeOptions): Promise<void> => {
  const log = createLog({ level: parseLogLevel(logLevel) })
  const primary = connectToPrimary(log)
  if (workers !== undefined && !primary) return runWorkers(await countWorkers(workers, config), log)
  const load = async (): Promise<GatewayConfig> => {
    const loaded = await loadConfig(config)
    if (primary?.isAdmin !== false) return loaded
    // The worker with the admin listener refuses a config whose `admin` is wrong. If this worker did not, their configs would differ.
    parseOrThrow(loaded, process.env)
    return { ...loaded, admin: undefined }
  }
  const starting = load().then((loaded) => createGateway(loaded, { log, metrics: primary?.metrics }))
  /** Waits for the gateway. The config may have been read before the change that a signal announces, so it is read again even then. */
  const reload = (): void =>
    void starting.then(
      (gateway) => reloadConfig(gateway, load, log),
      () => undefined,
    )
  process.on('SIGHUP', reload)
  const gateway = await starting
  const stopping = new AbortController()
  const close = (): Promise<void> => {
    stopping.abort()
    return gateway.close()
  }
  untilSignal(close)
  primary?.on('stop', () => closeAndExit(close))
  primary?.on('reload', reload)
  try {
    const admin = await gateway.listenAdmin()
    if (primary) return primary.listening(await gateway.listen(), admin)
    if (admin !== null) console.log(`admin listening on ${admin}`)
    console.log(`listening on ${await gateway.listen()}`)
  } catch (error) {
    // If a signal has closed the gateway, `listen()` rejects, which is no failure.
    if (stopping.signal.aborted) return
    await gateway.close()
    throw error
  }
}
