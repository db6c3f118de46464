import * as v from 'valibot'
import { boolean, integer, isObject, moduleFunction, object, oneOf, orNull, type FieldsOf } from './fields.js'
import { authenticateUrl, authorizeSendUrl, webhooks } from './outbound-requests.js'
import { jwks } from './jwks.js'
import { push } from './push.js'
import { originList } from './origins.js'
import { secretList } from './secrets.js'
import {
  adoptionRules,
  contactRules,
  environments,
  profileRules,
  sendRules,
  type AppConfig,
  type AppLimitsConfig,
  type Authenticate,
  type AuthorizeSend,
  type Environment,
  type RetentionConfig,
} from './types.js'
import type { Env } from './types.js'

const SHARE = 'must be a number above 0, up to 1'

const limits = object({
  sessionsPerUser: v.optional(integer(1, 10_000), 20),
  messagesPerSecond: v.optional(integer(1, 1_000_000), 20),
  requestsPerSecond: v.optional(integer(1, 1_000_000), 50),
  signalsPerSecond: v.optional(integer(1, 1_000_000), 5),
  bytesPerSecond: v.optional(integer(1_024, Number.MAX_SAFE_INTEGER), 262_144),
  restPerSecond: v.optional(integer(1, 1_000_000), 1_000),
  unreadPerSender: v.optional(v.pipe(v.number(SHARE), v.gtValue(0, SHARE), v.maxValue(1, SHARE)), 0.5),
  guests: v.optional(integer(0, Number.MAX_SAFE_INTEGER), 100_000),
  inboxes: v.optional(integer(1, Number.MAX_SAFE_INTEGER), 1_000_000),
  bytes: v.optional(integer(1, Number.MAX_SAFE_INTEGER), 10 * 2 ** 30),
} satisfies FieldsOf<AppLimitsConfig>)

const DAY = 86_400_000
const DAYS = 'must be a number of days above 0, up to 36500'

const retention = object({
  messages: v.optional(integer(1, 1_000_000), 1000),
  days: v.optional(v.pipe(v.number(DAYS), v.gtValue(0, DAYS), v.maxValue(36_500, DAYS)), 30),
  bytes: v.pipe(
    v.optional(integer(1, Number.MAX_SAFE_INTEGER)),
    v.description('the smaller of 16777216 and a tenth of limits.bytes'),
  ),
} satisfies FieldsOf<RetentionConfig>)

const NO_LOGIN =
  'no user can log in: add secrets, signatureSecrets, jwks, authenticate or authenticateUrl, or allow guests'
const SIGNATURES_NEVER_EXPIRE =
  'a signature never expires, and requireExpiry asks for credentials that do: leave signatureSecrets out, or set requireExpiry to false'

const isGiven = (value: unknown): boolean =>
  value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)

/** Returns whether the config lets users or guests start a session. A key with a wrong value counts, too: it has an error of its own. */
const canAnyoneLogIn = (app: Record<string, unknown>, environment: Environment): boolean =>
  isGiven(app['secrets']) ||
  isGiven(app['signatureSecrets']) ||
  isGiven(app['jwks']) ||
  isGiven(app['authenticate']) ||
  isGiven(app['authenticateUrl']) ||
  isGiven(app['guests'] ?? environment !== 'production')

const BOTH_GIVEN = 'authenticate checks auth params already: leave one of the two out'
const BOTH_AUTHORIZE = 'authorizeSend decides about messages already: leave one of the two out'

const ORIGINS_REQUIRED =
  'is missing: authenticateUrl forwards headers, and a cookie must not log in a page of another origin; list the origins of your pages'

const forwardsHeaders = (given: unknown): boolean =>
  isObject(given) && Array.isArray(given['forwardHeaders']) && given['forwardHeaders'].length > 0

/** The largest default of `retention.bytes`. The default is at most a tenth of `limits.bytes`, so that one inbox can't fill the app. */
const MAX_INBOX_BYTES = 16 * 2 ** 20
const inboxBytes = (appBytes: number): number =>
  Math.max(1, Math.min(MAX_INBOX_BYTES, Math.floor(appBytes / 10)))

const schemaFor = (env: Env, environment: Environment) => {
  const isProduction = environment === 'production'
  const fields = {
    environment: oneOf(environments),
    origins: v.pipe(
      v.optional(originList),
      v.check(
        (origins) => !isProduction || origins !== undefined,
        'a production app must list the origins of the pages that may connect',
      ),
      // A set makes look-ups by the `Origin` header fast.
      v.transform((origins): ReadonlySet<string> | 'any' => (origins ? new Set(origins) : 'any')),
    ),
    secrets: secretList(env, environment),
    signatureSecrets: secretList(env, environment),
    jwks: orNull(jwks),
    guests: v.optional(boolean, !isProduction),
    profiles: v.optional(oneOf(profileRules), isProduction ? 'vouched' : 'anyone'),
    requireExpiry: v.optional(boolean, isProduction),
    authenticate: moduleFunction<Authenticate>(),
    authenticateUrl: orNull(authenticateUrl(env, environment)),
    webhooks: orNull(webhooks(env, environment)),
    push: orNull(push(env)),
    send: v.optional(oneOf(sendRules), isProduction ? 'users' : 'anyone'),
    authorizeSend: moduleFunction<AuthorizeSend>(),
    authorizeSendUrl: orNull(authorizeSendUrl(env, environment)),
    unknownRecipients: v.optional(boolean, !isProduction),
    signals: v.optional(oneOf(contactRules), 'peers'),
    presence: v.optional(oneOf(contactRules), 'peers'),
    adoption: v.optional(oneOf(adoptionRules), 'client'),
    retention: v.pipe(
      v.optional(retention, {}),
      v.transform(({ days, ...rest }) => ({ ...rest, age: days * DAY })),
    ),
    limits: v.optional(limits, {}),
  } satisfies FieldsOf<AppConfig>
  const app = object(fields, {
    check: (given) => [
      ...(canAnyoneLogIn(given, environment) ? [] : [{ message: NO_LOGIN }]),
      ...(isGiven(given['signatureSecrets']) && (given['requireExpiry'] ?? isProduction) === true
        ? [{ key: 'signatureSecrets', message: SIGNATURES_NEVER_EXPIRE }]
        : []),
      ...(isGiven(given['authenticate']) && isGiven(given['authenticateUrl'])
        ? [{ key: 'authenticateUrl', message: BOTH_GIVEN }]
        : []),
      ...(isGiven(given['authorizeSend']) && isGiven(given['authorizeSendUrl'])
        ? [{ key: 'authorizeSendUrl', message: BOTH_AUTHORIZE }]
        : []),
      // A production app without origins has an error of its own already.
      ...(forwardsHeaders(given['authenticateUrl']) && given['origins'] === undefined && !isProduction
        ? [{ key: 'origins', message: ORIGINS_REQUIRED }]
        : []),
    ],
  })
  return v.pipe(
    app,
    v.transform(({ retention: { bytes, ...retention }, ...rest }) => ({
      ...rest,
      retention: { ...retention, bytes: bytes ?? inboxBytes(rest.limits.bytes) },
    })),
  )
}

/** Returns the schema of an app's config. The app's `environment` decides the defaults. */
export const appSchema = (env: Env) => {
  const test = schemaFor(env, 'test')
  const production = schemaFor(env, 'production')
  return v.lazy((app) => (isObject(app) && app['environment'] === 'production' ? production : test))
}
