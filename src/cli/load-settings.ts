import { parseConfig, type Settings } from '../gateway/internal.js'
import { CliError } from './cli-error.js'
import { loadConfig } from './load-config.js'

/** Returns the settings of a config file. Rejects with a `CliError` that lists every problem of the config. */
export const loadSettings = async (file: string): Promise<Settings> => {
  const parsed = parseConfig(await loadConfig(file), process.env)
  if (!parsed.ok) throw new CliError(parsed.problems.join('\n'))
  return parsed.config
}
