import * as v from 'valibot'
import {
  boolean,
  environment,
  integer,
  isObject,
  moduleFunction,
  object,
  oneOf,
  orNull,
  type Environment,
} from './fields.js'
import { authenticateUrl, authorizeSendUrl, webhooks } from './outbound-requests.js'
import { jwks } from './jwks.js'
import { push } from './push.js'
import { originList } from './origins.js'
import { secretList } from './secrets.js'
import type { Authenticate, AuthorizeSend, Env } from './values.js'

const SHARE = 'must be a number above 0, up to 1'

export const limits = object({
  /** Sessions of one user. If one more starts, another one ends as `too-many-sessions`. 1 to 10,000. */
  sessionsPerUser: v.optional(integer(1, 10_000), 20),
  /** How many messages one user may send in a second, over all gateways on one engine. 1 to 1,000,000. */
  messagesPerSecond: v.optional(integer(1, 1_000_000), 20),
  /**
   * How many starts and other frames (all but `send`, `signal`, `pong` and `end`) one user may send in a second.
   * 1 to 1,000,000.
   */
  requestsPerSecond: v.optional(integer(1, 1_000_000), 50),
  /** How many signals one user may send in a second. 1 to 1,000,000. */
  signalsPerSecond: v.optional(integer(1, 1_000_000), 5),
  /** How many bytes the frames of one user, on all connections, may have in a second. From 1024. */
  bytesPerSecond: v.optional(integer(1_024, Number.MAX_SAFE_INTEGER), 262_144),
  /** How many requests to the REST API the app's backend may make in a second. 1 to 1,000,000. */
  restPerSecond: v.optional(integer(1, 1_000_000), 1_000),
  /**
   * The share of an inbox that one sender's unread messages may take. A message beyond this share is refused if it would push out another
   * sender's unread message. Above 0, to 1.
   */
  unreadPerSender: v.optional(v.pipe(v.number(SHARE), v.gtValue(0, SHARE), v.maxValue(1, SHARE)), 0.5),
  /** How many guests the app keeps. A guest without a session and without kept messages is deleted. From 0. */
  guests: v.optional(integer(0, Number.MAX_SAFE_INTEGER), 100_000),
  /** How many inboxes the app may have. From 1. */
  inboxes: v.optional(integer(1, Number.MAX_SAFE_INTEGER), 1_000_000),
  /** How many bytes the app's messages may take. Webhook events that wait may take another tenth, or 1 MiB if that is more. From 1. */
  bytes: v.optional(integer(1, Number.MAX_SAFE_INTEGER), 10 * 2 ** 30),
})

const DAY = 86_400_000
const DAYS = 'must be a number of days above 0, up to 36500'

export const retention = object({
  /** How many messages each inbox keeps: the newest. 1 to 1,000,000. */
  messages: v.optional(integer(1, 1_000_000), 1000),
  /** How many days each inbox keeps a message. Above 0, to 36,500. */
  days: v.optional(v.pipe(v.number(DAYS), v.gtValue(0, DAYS), v.maxValue(36_500, DAYS)), 30),
  /** How many bytes of its newest messages each inbox keeps. From 1. */
  bytes: v.pipe(
    v.optional(integer(1, Number.MAX_SAFE_INTEGER)),
    v.description('the smaller of 16777216 and a tenth of `limits.bytes`'),
  ),
})

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

/** Between which users a rule allows something. */
const contacts = oneOf(['peers', 'anyone', 'nobody'])

const schemaFor = (env: Env, kind: Environment) => {
  const isProduction = kind === 'production'
  const fields = {
    /** `test` or `production`: decides the defaults below. It is required, so that no production app is lenient by an oversight. */
    environment,
    /**
     * Origins of your pages, as browsers send them: `https://www.example.com`. A client without an `Origin` header is no browser, and may
     * connect. Left out in a test app: any origin.
     */
    origins: v.pipe(
      v.optional(originList),
      v.check(
        (origins) => !isProduction || origins !== undefined,
        'a production app must list the origins of the pages that may connect',
      ),
      // A set makes look-ups by the `Origin` header fast.
      v.transform((origins): ReadonlySet<string> | 'any' => (origins ? new Set(origins) : 'any')),
    ),
    /** Secrets of user tokens (HS256). Any of them verifies a token, so you can rotate them. In production each has at least 32 bytes. */
    secrets: secretList(env, kind),
    /**
     * Secrets for signatures of user ids, in place of tokens. In production each has at least 32 bytes. If the list is empty, the gateway
     * refuses signatures. A signature never expires, so an app with signatures needs `"requireExpiry": false`.
     */
    signatureSecrets: secretList(env, kind),
    /** Public keys that verify tokens of another algorithm than HS256. */
    jwks: orNull(jwks),
    /** May a client start as a guest? In production a client can be the same guest again only with that guest's token. */
    guests: v.optional(boolean, !isProduction),
    /** `vouched` takes profiles from your backend only; `anyone` takes them from clients too. */
    profiles: v.optional(oneOf(['vouched', 'anyone']), isProduction ? 'vouched' : 'anyone'),
    /** Must a token have an `exp`? */
    requireExpiry: v.optional(boolean, isProduction),
    /** In a module only: checks auth params. Without it and `authenticateUrl`, auth params are refused. */
    authenticate: moduleFunction<Authenticate>(),
    /** Checks auth params with a request to your backend, in place of `authenticate`. */
    authenticateUrl: orNull(authenticateUrl(env, kind)),
    /** Reports events to your backend. */
    webhooks: orNull(webhooks(env, kind)),
    /** Sends Web Push to users while no page is open. */
    push: orNull(push(env)),
    /** Which clients may send: `anyone`, `users` (no guests), `backend` (no client). The backend always may. */
    send: v.optional(oneOf(['anyone', 'users', 'backend']), isProduction ? 'users' : 'anyone'),
    /** In a module only: may this user send to that user? It is asked about each message that `send` allows. */
    authorizeSend: moduleFunction<AuthorizeSend>(),
    /** Decides about each message with a request to your backend, in place of `authorizeSend`. The backend may replace the content. */
    authorizeSendUrl: orNull(authorizeSendUrl(env, kind)),
    /** May a client send to a user who does not exist? The message creates the user. */
    unknownRecipients: v.optional(boolean, !isProduction),
    /**
     * To whom a client may send signals, such as 'typing': to users with whom the client's user has exchanged a message that is kept, in
     * either direction (`peers`), to `anyone`, or to `nobody`.
     */
    signals: v.optional(contacts, 'peers'),
    /**
     * Whose presence a client may watch: that of users who have sent the client's user messages that are kept (`peers`), that of `anyone`,
     * or that of `nobody`.
     */
    presence: v.optional(contacts, 'peers'),
    /**
     * Who may let a user take over a guest's messages: the user's page, with the guest's token, and the REST API (`client`), only the REST
     * API (`backend`), or `nobody`.
     */
    adoption: v.optional(oneOf(['client', 'backend', 'nobody']), 'client'),
    /** How much each inbox keeps. Messages beyond any of these limits are deleted, the oldest first. */
    retention: v.pipe(
      v.optional(retention, {}),
      v.transform(({ days, ...rest }) => ({ ...rest, age: days * DAY })),
    ),
    /** What one user, and the app in all, may send and store. */
    limits: v.optional(limits, {}),
  }
  const app = object(fields, {
    check: (given) => [
      ...(canAnyoneLogIn(given, kind) ? [] : [{ message: NO_LOGIN }]),
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
