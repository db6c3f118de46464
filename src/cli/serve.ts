import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createGateway, createLog, type GatewayConfig } from '../gateway/index.js'
import { isLogLevel, LOG_LEVELS, type LogLevel } from '../gateway/internal.js'
import { CliError } from './cli-error.js'
import { untilSignal } from './until-signal.js'

export interface ServeOptions {
  config?: string
  logLevel?: string
}

/**
 * Returns why a config can't be read. V8's own messages may quote the file, and the file holds secrets: a secret without quotes
 * is a ReferenceError that names it. Messages of the file's author and of the file system are shown.
 */
const reasonOf = (cause: unknown): string => {
  if (cause instanceof SyntaxError) return 'it is not well-formed'
  if (!(cause instanceof Error)) return 'it throws'
  return cause.name === 'Error' || 'code' in cause
    ? cause.message.replace(/\.$/, '')
    : `it throws a ${cause.name}`
}

/** Returns the content of a JSON file, or the default export of a module. `createGateway` checks it. */
const load = async (file: string): Promise<GatewayConfig> => {
  const path = resolve(file)
  try {
    if (path.endsWith('.json')) return JSON.parse(await readFile(path, 'utf8')) as GatewayConfig
    const module = (await import(pathToFileURL(path).href)) as { default?: GatewayConfig }
    if (module.default) return module.default
  } catch (cause) {
    throw new CliError(`The config ${path} can't be read: ${reasonOf(cause)}.`, { cause })
  }
  throw new CliError(`The config ${path} has no default export.`)
}

/** An empty text counts as absent: some shells and compose files set an empty LOG_LEVEL. */
const parseLogLevel = (level: string | undefined): LogLevel => {
  if (!level) return 'info'
  if (isLogLevel(level)) return level
  throw new CliError(
    `"${level}" is not a log level: set --log-level or LOG_LEVEL to one of ${LOG_LEVELS.join(', ')}.`,
  )
}

export const serve = async ({ config, logLevel }: ServeOptions): Promise<void> => {
  const level = parseLogLevel(logLevel)
  if (!config) throw new CliError('Name a config: --config FILE, or CHAT_SESSION_CONFIG.')
  const gateway = createGateway(await load(config), { log: createLog({ level }) })
  const stopping = new AbortController()
  untilSignal(() => {
    stopping.abort()
    return gateway.close()
  })
  try {
    console.log(`listening on ${await gateway.listen()}`)
  } catch (error) {
    // `listen()` rejects because the gateway was closed by a signal: that is no failure.
    if (stopping.signal.aborted) return
    await gateway.close()
    throw error
  }
}
