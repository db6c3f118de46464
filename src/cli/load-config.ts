import { readFile, realpath } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { GatewayConfig } from '../gateway/index.js'
import { parseConfig, type Settings } from '../gateway/internal.js'
import { CliError } from './cli-error.js'
import { positionOfMistake } from './json-position.js'

/**
 * Returns why a config can't be read. V8's own messages may quote the file, which has secrets. For example, a secret without quotes causes
 * a ReferenceError with the secret in its message. Messages that the file's author wrote are shown, and so are those of the file system.
 */
const reasonOf = (cause: unknown): string => {
  if (cause instanceof SyntaxError) return 'it is not well-formed'
  if (!(cause instanceof Error)) return 'it throws'
  return cause.name === 'Error' || 'code' in cause
    ? cause.message.replace(/\.$/, '')
    : `it throws a ${cause.name}`
}

/** Parses JSON. Throws an error whose message quotes no part of the text. */
const parseJson = (text: string): GatewayConfig => {
  try {
    return JSON.parse(text) as GatewayConfig
  } catch (cause) {
    throw new Error(`its JSON is not well-formed at ${positionOfMistake(text)}`, { cause })
  }
}

/** The option `--config`. */
export interface ConfigOptions {
  config?: string
}

/** Milliseconds that a config module may take. Without a limit, a module that waits for ever would stop all later reloads. */
const MAX_IMPORT_TIME = 10_000

const importInTime = async (url: string): Promise<unknown> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`it takes more than ${MAX_IMPORT_TIME / 1_000} s`)
    timer = setTimeout(() => reject(error), MAX_IMPORT_TIME)
  })
  return Promise.race([import(url), late]).finally(() => clearTimeout(timer))
}

/** How many times a module was imported. Node caches modules by their URL, so a reload imports the module under another URL. */
let imports = 0

/** Node's cache of CommonJS modules, by the names of their files. */
const { cache } = createRequire(import.meta.url)

/**
 * Returns the content of a JSON file, or the default export of a module. Each call reads the file again. `createGateway` checks the
 * config. Rejects with a `CliError`.
 */
export const loadConfig = async (file: string | undefined): Promise<GatewayConfig> => {
  if (!file) throw new CliError('Name a config: --config FILE, or CHAT_SESSION_CONFIG.')
  const path = resolve(file)
  try {
    // The decoder drops a byte order mark, with which editors on Windows may begin a file.
    if (path.endsWith('.json')) return parseJson(new TextDecoder().decode(await readFile(path)))
    const url = pathToFileURL(path)
    if (imports++ > 0) {
      url.searchParams.set('read', String(imports))
      // Node would load a CommonJS module only once, whatever its URL.
      Reflect.deleteProperty(cache, await realpath(path))
    }
    const module = (await importInTime(url.href)) as { default?: GatewayConfig }
    if (module.default) return module.default
  } catch (cause) {
    throw new CliError(`The config ${path} can't be read: ${reasonOf(cause)}.`, { cause })
  }
  throw new CliError(`The config ${path} has no default export.`)
}

/** Returns the settings of a config file. Rejects with a `CliError` that lists every problem of the config, each after `prefix`. */
export const loadSettings = async (file: string, prefix = ''): Promise<Settings> => {
  const parsed = parseConfig(await loadConfig(file), process.env)
  if (!parsed.ok) throw new CliError(parsed.problems.map((problem) => prefix + problem).join('\n'))
  return parsed.config
}
