import * as v from 'valibot'
import { isAppId } from '../../protocol/index.js'
import { adminSchema, hostName, port } from './admin.js'
import { appSchema } from './app.js'
import { engineSchema, redisUrlProblem } from './engine.js'
import {
  formatPath,
  integer,
  isObject,
  object,
  orNull,
  pathItem,
  pemFile,
  seconds,
  type FieldsOf,
} from './fields.js'
import { defaultConnections } from './open-files.js'
import { duplicateSecrets } from './secrets.js'
import type { Env, GatewayConfig, LimitsConfig, ListenConfig } from './types.js'

export type * from './types.js'

type ParsedConfig =
  | { ok: true; config: Settings }
  /** Each problem is a path and a sentence, `apps.hF83jaq.secrets[0]: is too short: …`. No problem contains a value of the config. */
  | { ok: false; problems: string[] }

const tls = object({
  cert: pemFile,
  key: pemFile,
} satisfies FieldsOf<NonNullable<ListenConfig['tls']>>)

/** The most bytes of the path of a Unix socket that macOS takes. Linux takes four more. */
const MAX_PATH = 103
const pathRule = `must be the path of a Unix socket, of ${MAX_PATH} bytes at most`
const modeRule = 'must be the permissions of a file as text, such as "0660"'

const listen = object(
  {
    host: v.optional(hostName, '127.0.0.1'),
    port: v.optional(port, 8080),
    path: orNull(
      v.pipe(
        v.string(pathRule),
        v.regex(/^[^\0]*[^\s\0][^\0]*$/, pathRule),
        v.check((path) => Buffer.byteLength(path) <= MAX_PATH, pathRule),
      ),
    ),
    mode: v.pipe(
      v.optional(v.pipe(v.string(modeRule), v.regex(/^0?[0-7]{3}$/, modeRule)), '0660'),
      v.transform((mode) => Number.parseInt(mode, 8)),
    ),
    trustProxy: v.optional(integer(0, 32), 0),
    tls: orNull(tls),
  } satisfies FieldsOf<ListenConfig>,
  {
    check: (given) =>
      'path' in given
        ? ['host', 'port']
            .filter((key) => key in given)
            .map((key) => ({ key, message: 'counts for nothing beside listen.path: leave it out' }))
        : 'mode' in given
          ? [{ key: 'mode', message: 'is of the file of listen.path, which is missing' }]
          : [],
  },
)

const limits = object({
  connections: v.pipe(
    v.optional(integer(1, 10_000_000), defaultConnections),
    v.description('three quarters of the open-file limit'),
  ),
  connectionsPerAddress: v.optional(integer(1, 10_000_000), 5_000),
  connectionsPerSecondPerAddress: v.optional(integer(1, 1_000_000), 1_000),
} satisfies FieldsOf<LimitsConfig>)

type AppSchema = ReturnType<typeof appSchema>

/** Returns the schema of the apps by app id. The result is a map, because `constructor` may be an app id. */
const appsSchema = (app: AppSchema) =>
  v.pipe(
    v.custom<Record<string, v.InferInput<AppSchema>>>(
      (apps) => isObject(apps) && Object.keys(apps).length > 0,
      'must be an object with one app or more, each under its app id',
    ),
    v.rawTransform<Record<string, v.InferInput<AppSchema>>, ReadonlyMap<string, AppSettings>>(
      ({ dataset, addIssue }) => {
        const apps = new Map<string, AppSettings>()
        for (const [appId, value] of Object.entries(dataset.value)) {
          if (!isAppId(appId))
            addIssue({
              message: 'an app id is 1 to 64 of letters, digits, - and _',
              path: [pathItem(appId)],
            })
          const result = v.safeParse(app, value, { abortPipeEarly: true })
          if (result.success) apps.set(appId, { appId, ...result.output })
          else
            for (const { message, path = [] } of result.issues)
              addIssue({ message, path: [pathItem(appId), ...path] })
        }
        return apps
      },
    ),
  )

/** Returns the schema of a whole config. Secrets are read from `env`. */
export const configSchema = (env: Env) =>
  object({
    listen: v.optional(listen, {}),
    admin: orNull(adminSchema(env)),
    engine: v.optional(engineSchema(env), {}),
    pingInterval: v.optional(seconds(0.01, 3600), 25),
    startTimeout: v.optional(seconds(0.01, 300), 10),
    resumeWindow: v.optional(seconds(0, 86_400), 120),
    leaveWindow: v.optional(seconds(0, 86_400), 20),
    sendWindow: v.optional(seconds(1, 604_800), 3600),
    drainTime: v.optional(seconds(0.1, 3600), 20),
    limits: v.optional(limits, {}),
    apps: appsSchema(appSchema(env)),
  } satisfies FieldsOf<GatewayConfig>)

/** The settings of an app, with defaults and secrets filled in. Durations are in milliseconds. */
export type AppSettings = v.InferOutput<AppSchema> & { appId: string }

export type ConfigInput = v.InferInput<ReturnType<typeof configSchema>>

/** The config with its defaults and secrets filled in. Durations are in milliseconds. Never log it. */
export type Settings = v.InferOutput<ReturnType<typeof configSchema>>

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
