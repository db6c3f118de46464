import { GatewayError } from '../errors.js'
import { parseConfig, type Env, type GatewayConfig, type Settings } from './parse.js'

/** Returns the settings of a config. Throws a `GatewayError` of code `bad-config`, whose message lists every problem. */
export const parseOrThrow = (config: GatewayConfig, env: Env): Settings => {
  const parsed = parseConfig(config, env)
  if (!parsed.ok) throw new GatewayError('bad-config', parsed.problems.join('\n'))
  return parsed.config
}
