import { GatewayError } from '../errors.js'
import { parseConfig, type ConfigInput, type Env, type GatewayConfig, type Settings } from './parse.js'

/** Returns the settings of a config. Throws a `GatewayError` of code `bad-config`, whose message lists every problem. */
export const parseOrThrow = (config: GatewayConfig, env: Env): Settings => {
  // `satisfies` checks at compile time that the schema accepts every value that `GatewayConfig` allows.
  const parsed = parseConfig(config satisfies ConfigInput, env)
  if (!parsed.ok) throw new GatewayError('bad-config', parsed.problems.join('\n'))
  return parsed.config
}
