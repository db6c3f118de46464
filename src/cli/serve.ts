import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createGateway, type GatewayConfig } from '../gateway/index.js'
import { CliError } from './cli-error.js'
import { untilSignal } from './until-signal.js'

/** The config in a JSON file, or the default export of a module; what is wrong inside is the gateway's to say. */
const load = async (file: string): Promise<GatewayConfig> => {
  const path = resolve(file)
  try {
    if (path.endsWith('.json')) return JSON.parse(await readFile(path, 'utf8')) as GatewayConfig
    const module = (await import(pathToFileURL(path).href)) as { default?: GatewayConfig }
    if (module.default) return module.default
  } catch (cause) {
    // The parser's message would show a piece of the file, and the file holds secrets.
    const why = cause instanceof SyntaxError ? 'it is not well-formed' : (cause as Error).message
    throw new CliError(`The config ${path} can't be read: ${why}.`, { cause })
  }
  throw new CliError(`The config ${path} has no default export.`)
}

export const serve = async ({ config }: { config?: string }): Promise<void> => {
  if (!config) throw new CliError('Name a config: --config FILE, or CHAT_SESSION_CONFIG.')
  const gateway = createGateway(await load(config))
  untilSignal(() => gateway.close())
  console.log(`listening on ${await gateway.listen()}`)
}
