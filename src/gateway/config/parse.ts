import * as v from 'valibot'
import { GatewayError } from '../errors.js'
import { port } from './admin.js'
import { redisUrlProblem } from './engine.js'
import { formatPath, isObject } from './fields.js'
import { configSchema, type Settings } from './schema.js'
import { duplicateSecrets } from './secrets.js'
import type { GatewayConfig } from './types.js'
import type { Env } from './values.js'

export type { AppSettings, Settings } from './schema.js'
export type * from './types.js'

type ParsedConfig =
  | { ok: true; config: Settings }
  /** Each problem is a path and a sentence, `apps.hF83jaq.secrets[0]: is too short: …`. No problem contains a value of the config. */
  | { ok: false; problems: string[] }

/** The schema of the environment's `PORT`. An empty variable counts as absent, because some shells and compose files set an empty one. */
const portSchema = v.pipe(
  v.optional(v.string()),
  v.transform((given) => (given && /^\d+$/.test(given) ? Number(given) : given || undefined)),
  v.optional(port),
)

const SHARED_ADDRESS =
  'admin.port: is the port of listen too, on the same host; give the admin listener its own'

const sharesAddress = ({ listen, admin }: Settings): boolean =>
  listen.path === null && admin?.port !== 0 && admin?.port === listen.port && admin.host === listen.host

/**
 * Checks a whole config, fills in the defaults and reads secrets from `env`. Never throws. Returns all problems at once, each with its
 * path. No problem contains a value of the config, because a secret may be in a wrong place.
 */
export const parseConfig = (input: unknown, env: Env): ParsedConfig => {
  const parsed = v.safeParse(configSchema(env), input, { abortPipeEarly: true })
  const portOverride = v.safeParse(portSchema, env['PORT'], { abortPipeEarly: true })
  const problems = (parsed.issues ?? []).map(
    ({ message, path = [] }) => `${formatPath(path.map(({ key }) => key as string | number))}: ${message}`,
  )
  for (const { message } of portOverride.issues ?? [])
    problems.push(`PORT: the environment variable ${message}`)
  const redisProblem = redisUrlProblem(isObject(input) ? input['engine'] : undefined, env)
  if (redisProblem) problems.push(redisProblem)
  problems.push(...duplicateSecrets(input, env))
  if (!parsed.success || !portOverride.success || problems.length > 0) return { ok: false, problems }
  const { listen: settings, ...rest } = parsed.output
  const config = { ...rest, listen: { ...settings, port: portOverride.output ?? settings.port } }
  return sharesAddress(config) ? { ok: false, problems: [SHARED_ADDRESS] } : { ok: true, config }
}

/** Returns the settings of a config. Throws a `GatewayError` of code `bad-config`, whose message lists every problem. */
export const parseOrThrow = (config: GatewayConfig, env: Env): Settings => {
  const parsed = parseConfig(config, env)
  if (!parsed.ok) throw new GatewayError('bad-config', parsed.problems.join('\n'))
  return parsed.config
}
