import * as v from 'valibot'
import { readApp } from './app.js'
import {
  isObject,
  oneOf,
  readFields,
  report,
  seconds,
  text,
  whole,
  type Env,
  type Reading,
} from './fields.js'
import type { EngineConfig, GatewayConfig, ListenConfig, Settings } from './types.js'

export type { Env } from './fields.js'
export type * from './types.js'

export type ParsedConfig =
  | { ok: true; config: Settings }
  /** One sentence each, after the path it is about: `apps.hF83jaq.secrets[0]: is too short: …`. Never a value. */
  | { ok: false; problems: string[] }

const port = whole(0, 65_535)

const configFields = {
  listen: v.unknown(),
  engine: v.unknown(),
  pingInterval: v.optional(seconds(0.01, 3600)),
  startTimeout: v.optional(seconds(0.01, 300)),
  resumeWindow: v.optional(seconds(0, 86_400)),
  leaveWindow: v.optional(seconds(0, 86_400)),
  sendWindow: v.optional(seconds(1, 604_800)),
  drainTime: v.optional(seconds(0.1, 3600)),
  apps: v.unknown(),
} satisfies Record<keyof GatewayConfig, v.GenericSchema>

const listenFields = {
  host: v.optional(text('a host name or an IP address', /^[^\s/]+$/)),
  port: v.optional(port),
  trustProxy: v.optional(whole(0, 32)),
  tls: v.unknown(),
} satisfies Record<keyof ListenConfig, v.GenericSchema>

const tlsFields = {
  cert: text('the name of a PEM file'),
  key: text('the name of a PEM file'),
} satisfies Record<keyof NonNullable<ListenConfig['tls']>, v.GenericSchema>

const engineFields = {
  type: v.optional(oneOf(['memory', 'embedded'])),
  path: v.optional(text('the name of a folder')),
} satisfies Record<keyof EngineConfig, v.GenericSchema>

const readTls = (reading: Reading, value: unknown): Settings['listen']['tls'] => {
  if (value === undefined) return null
  const { cert, key } = readFields(reading, ['listen', 'tls'], tlsFields, value)
  return cert === undefined || key === undefined ? null : { cert, key }
}

const readListen = (reading: Reading, value: unknown = {}): Settings['listen'] => {
  const listen = readFields(reading, ['listen'], listenFields, value)
  const override = reading.env['PORT']
  // An empty variable is how some shells and compose files say "not set".
  const overridden = override ? v.safeParse(port, /^\d+$/.test(override) ? Number(override) : override) : null
  if (overridden && !overridden.success)
    report(reading, ['PORT'], `the environment variable ${overridden.issues[0].message}`)
  return {
    host: listen.host ?? '127.0.0.1',
    port: overridden?.success ? overridden.output : (listen.port ?? 8080),
    trustProxy: listen.trustProxy ?? 0,
    tls: readTls(reading, listen.tls),
  }
}

const readEngine = (reading: Reading, value: unknown = {}): Settings['engine'] => {
  const { type = 'embedded', path = './data' } = readFields(reading, ['engine'], engineFields, value)
  if (type === 'embedded') return { type, path }
  if (isObject(value) && value['path'] !== undefined)
    report(reading, ['engine', 'path'], 'only an embedded engine has a folder: leave it out')
  return { type }
}

const readApps = (reading: Reading, value: unknown): Settings['apps'] => {
  const apps = isObject(value) ? Object.entries(value) : []
  if (apps.length === 0)
    report(reading, ['apps'], 'must be an object with one app or more, each under its app id')
  return new Map(apps.map(([appId, app]) => [appId, readApp(reading, appId, app)]))
}

/**
 * Checks a whole config, fills in the defaults and looks secrets up in `env`. Never throws; all that is wrong is told
 * at once, each problem with its path and without any value of the config.
 */
export const parseConfig = (input: unknown, env: Env): ParsedConfig => {
  const reading: Reading = { env, problems: [], secrets: new Map() }
  if (!isObject(input)) return { ok: false, problems: ['config: must be an object'] }
  const fields = readFields(reading, [], configFields, input)
  const config: Settings = {
    listen: readListen(reading, fields.listen),
    engine: readEngine(reading, fields.engine),
    pingInterval: fields.pingInterval ?? 25_000,
    startTimeout: fields.startTimeout ?? 10_000,
    resumeWindow: fields.resumeWindow ?? 120_000,
    leaveWindow: fields.leaveWindow ?? 20_000,
    sendWindow: fields.sendWindow ?? 3_600_000,
    drainTime: fields.drainTime ?? 20_000,
    apps: readApps(reading, fields.apps),
  }
  return reading.problems.length === 0 ? { ok: true, config } : { ok: false, problems: reading.problems }
}
