import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createGateway, type GatewayConfig } from '../gateway/index.js'
import { CliError } from './cli-error.js'
import { untilSignal } from './until-signal.js'

/**
 * What V8 itself says may show a piece of the file, and the file holds secrets: a secret without quotes is a
 * ReferenceError that names it. What the file's author or the file system says is for people.
 */
const whyOf = (cause: unknown): string => {
  if (cause instanceof SyntaxError) return 'it is not well-formed'
  if (!(cause instanceof Error)) return 'it throws'
  return cause.name === 'Error' || 'code' in cause
    ? cause.message.replace(/\.$/, '')
    : `it throws a ${cause.name}`
}

/** The config in a JSON file, or the default export of a module; what is wrong inside is the gateway's to say. */
const load = async (file: string): Promise<GatewayConfig> => {
  const path = resolve(file)
  try {
    if (path.endsWith('.json')) return JSON.parse(await readFile(path, 'utf8')) as GatewayConfig
    const module = (await import(pathToFileURL(path).href)) as { default?: GatewayConfig }
    if (module.default) return module.default
  } catch (cause) {
    throw new CliError(`The config ${path} can't be read: ${whyOf(cause)}.`, { cause })
  }
  throw new CliError(`The config ${path} has no default export.`)
}

export const serve = async ({ config }: { config?: string }): Promise<void> => {
  if (!config) throw new CliError('Name a config: --config FILE, or CHAT_SESSION_CONFIG.')
  const gateway = createGateway(await load(config))
  const stopping = new AbortController()
  untilSignal(() => {
    stopping.abort()
    return gateway.close()
  })
  try {
    console.log(`listening on ${await gateway.listen()}`)
  } catch (error) {
    // Whoever stopped it while it was starting knows why it doesn't listen.
    if (stopping.signal.aborted) return
    await gateway.close()
    throw error
  }
}
