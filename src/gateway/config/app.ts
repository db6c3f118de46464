import * as v from 'valibot'
import { isAppId } from '../../protocol/index.js'
import { flag, isObject, oneOf, readFields, report, whole, type Path, type Reading } from './fields.js'
import { readSecrets } from './secrets.js'
import {
  jwksAlgorithms,
  sendRules,
  type AppConfig,
  type AppLimitsConfig,
  type AppSettings,
  type Authenticate,
  type AuthorizeSend,
  type RetentionConfig,
} from './types.js'

const originShape = 'must be an origin as a browser sends it, such as https://www.example.com'

/** Compared byte for byte with what browsers send, an origin written otherwise would match nothing and nobody would know why. */
const wrongWithOrigin = (origin: string): string | undefined => {
  if (origin === 'null')
    return 'cannot be null: browsers send that for every sandboxed page and local file alike'
  if (origin.includes('*')) return 'wildcards are not taken: list every origin'
  const [, scheme, host, rest] = /^([^:/?#]+):\/\/([^/?#\s]+)(.*)$/s.exec(origin) ?? []
  if (scheme === undefined || host === undefined) return originShape
  if (rest === '/') return 'leave out the trailing slash: a browser sends none'
  if (rest) return 'leave out the path: an origin ends after host and port'
  if (host.includes('@')) return 'leave out user and password: a browser sends none'
  if (/^wss?$/i.test(scheme)) return 'must be the origin of the page (https or http), not of the gateway'
  if (/^https?$/i.test(scheme)) {
    if (!URL.canParse(origin)) return originShape
    if (new URL(origin).origin === origin) return undefined
    return 'is not written as a browser sends it: lower case, punycode, no default port (see `new URL(…).origin`)'
  }
  // Pages of extensions and of native shells have schemes of their own: chrome-extension://…, capacitor://localhost.
  return /^[a-z][a-z0-9+.-]*$/.test(scheme) && /^[a-z0-9._-]+(:\d{1,5})?$/.test(host)
    ? undefined
    : originShape
}

const origin = v.pipe(
  v.string(originShape),
  v.rawCheck(({ dataset, addIssue }) => {
    const message = dataset.typed ? wrongWithOrigin(dataset.value) : undefined
    if (message) addIssue({ message })
  }),
)

const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname.endsWith('.localhost') ||
  hostname === '[::1]' ||
  /^127(\.\d+){3}$/.test(hostname)

const isJwksUrl = (given: string): boolean => {
  if (!URL.canParse(given)) return false
  const { protocol, hostname, username, password } = new URL(given)
  if (username || password) return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}
const jwksUrl = 'must be an https URL without user and password; http is for this machine only'

const someOf = <S extends v.GenericSchema>(item: S, sentence: string) =>
  v.pipe(v.array(item, sentence), v.minLength(1, sentence))

const jwksFields = {
  url: v.pipe(v.string(jwksUrl), v.check(isJwksUrl, jwksUrl)),
  algorithms: someOf(oneOf(jwksAlgorithms), `must be a list of one or more of ${jwksAlgorithms.join(', ')}`),
} satisfies Record<keyof NonNullable<AppConfig['jwks']>, v.GenericSchema>

const limitsFields = {
  sessionsPerUser: v.optional(whole(1, 10_000)),
  messagesPerSecond: v.optional(whole(1, 1_000_000)),
  inboxes: v.optional(whole(1, Number.MAX_SAFE_INTEGER)),
  bytes: v.optional(whole(1, Number.MAX_SAFE_INTEGER)),
} satisfies Record<keyof AppLimitsConfig, v.GenericSchema>

const DAY = 86_400_000
const days = 'must be a number of days above 0, up to 36500'

const retentionFields = {
  messages: v.optional(whole(1, 1_000_000)),
  days: v.optional(v.pipe(v.number(days), v.gtValue(0, days), v.maxValue(36_500, days))),
} satisfies Record<keyof RetentionConfig, v.GenericSchema>

/** A function, which JSON doesn't have. */
const moduleFunction = <F>() =>
  v.optional(
    v.custom<F>(
      (value) => typeof value === 'function',
      'must be a function, which only a config module can have',
    ),
  )

const appFields = {
  environment: oneOf(['test', 'production']),
  secrets: v.unknown(),
  signatureSecrets: v.unknown(),
  jwks: v.unknown(),
  origins: v.optional(
    someOf(origin, 'must be a list of one or more origins; a test app that leaves it out takes any'),
  ),
  guests: v.optional(flag),
  profiles: v.optional(oneOf(['vouched', 'anyone'])),
  requireExpiry: v.optional(flag),
  authenticate: moduleFunction<Authenticate>(),
  send: v.optional(oneOf(sendRules)),
  authorizeSend: moduleFunction<AuthorizeSend>(),
  unknownRecipients: v.optional(flag),
  retention: v.unknown(),
  limits: v.unknown(),
} satisfies Record<keyof AppConfig, v.GenericSchema>

const given = (value: unknown): boolean =>
  value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)

/** Can anybody log in? What is given but wrong has its own problem, and counts as a way here. */
const hasWayIn = (app: Record<string, unknown>): boolean =>
  given(app['secrets']) ||
  given(app['signatureSecrets']) ||
  given(app['jwks']) ||
  given(app['authenticate']) ||
  given(app['guests'] ?? app['environment'] !== 'production')

const readJwks = (reading: Reading, path: Path, value: unknown): AppSettings['jwks'] => {
  if (value === undefined) return null
  const { url, algorithms } = readFields(reading, path, jwksFields, value)
  return url === undefined || algorithms === undefined ? null : { url, algorithms }
}

/** Reads one app. When problems were reported, what it answers is not to be used. */
export const readApp = (reading: Reading, appId: string, value: unknown): AppSettings => {
  const path = ['apps', appId]
  if (!isAppId(appId)) report(reading, path, 'an app id is 1 to 64 of letters, digits, - and _')
  const app = readFields(reading, path, appFields, value)
  const { environment, limits = {}, retention = {} } = app
  const production = environment === 'production'
  if (isObject(value)) {
    if (production && value['origins'] === undefined)
      report(
        reading,
        [...path, 'origins'],
        'a production app must list the origins of the pages that may connect',
      )
    if (!hasWayIn(value))
      report(
        reading,
        path,
        'nobody can log in: give secrets, signatureSecrets, jwks or authenticate, or allow guests',
      )
  }
  const {
    sessionsPerUser = 20,
    messagesPerSecond = 20,
    inboxes = 1_000_000,
    bytes = 10 * 2 ** 30,
  } = readFields(reading, [...path, 'limits'], limitsFields, limits)
  const { messages = 1000, days = 30 } = readFields(
    reading,
    [...path, 'retention'],
    retentionFields,
    retention,
  )
  return {
    appId,
    environment: environment ?? 'production',
    secrets: readSecrets(reading, [...path, 'secrets'], app.secrets, environment),
    signatureSecrets: readSecrets(reading, [...path, 'signatureSecrets'], app.signatureSecrets, environment),
    jwks: readJwks(reading, [...path, 'jwks'], app.jwks),
    origins: app.origins ? new Set(app.origins) : 'any',
    guests: app.guests ?? !production,
    profiles: app.profiles ?? (production ? 'vouched' : 'anyone'),
    requireExpiry: app.requireExpiry ?? production,
    authenticate: app.authenticate ?? null,
    send: app.send ?? (production ? 'users' : 'anyone'),
    authorizeSend: app.authorizeSend ?? null,
    unknownRecipients: app.unknownRecipients ?? !production,
    retention: { messages, age: days * DAY },
    limits: { sessionsPerUser, messagesPerSecond, inboxes, bytes },
  }
}
