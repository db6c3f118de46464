import { createGateway, createLog, type Gateway, type Log } from '../gateway/index.js'
import { isLogLevel, LOG_LEVELS, type LogLevel } from '../gateway/internal.js'
import { CliError, isForUser } from './cli-error.js'
import { loadConfig, type ConfigOptions } from './load-config.js'
import { untilSignal } from './until-signal.js'

export interface ServeOptions extends ConfigOptions {
  logLevel?: string
}

/** An empty text counts as absent: some shells and compose files set an empty LOG_LEVEL. */
const parseLogLevel = (level: string | undefined): LogLevel => {
  if (!level) return 'info'
  if (isLogLevel(level)) return level
  throw new CliError(
    `"${level}" is not a log level: set --log-level or LOG_LEVEL to one of ${LOG_LEVELS.join(', ')}.`,
  )
}

/** Reads the config again at each SIGHUP. A config that can't be used changes nothing, and the log says each of its problems. */
const reloadOnSignal = (gateway: Gateway, file: string | undefined, log: Log): void => {
  let lastReload = Promise.resolve()
  const reload = async (): Promise<void> => {
    try {
      const { applied, needsRestart } = await gateway.reload(() => loadConfig(file))
      log.info({ applied }, 'the config was reloaded')
      if (needsRestart.length > 0)
        log.warn({ needsRestart }, 'keys of the config have changed that need a restart: the old values stay')
    } catch (error) {
      // A defect is logged too: it must not end the process and its sessions.
      const why = isForUser(error) ? { problems: error.message.split('\n') } : { err: error }
      log.error(why, 'the config was not reloaded: the gateway goes on with the old config')
    }
  }
  process.on('SIGHUP', () => {
    lastReload = lastReload.then(reload)
  })
}

export const serve = async ({ config, logLevel }: ServeOptions): Promise<void> => {
  const level = parseLogLevel(logLevel)
  const log = createLog({ level })
  const gateway = createGateway(await loadConfig(config), { log })
  const stopping = new AbortController()
  untilSignal(() => {
    stopping.abort()
    return gateway.close()
  })
  reloadOnSignal(gateway, config, log)
  try {
    const admin = await gateway.listenAdmin()
    if (admin !== null) console.log(`admin listening on ${admin}`)
    console.log(`listening on ${await gateway.listen()}`)
  } catch (error) {
    // `listen()` rejects because the gateway was closed by a signal: that is no failure.
    if (stopping.signal.aborted) return
    await gateway.close()
    throw error
  }
}
