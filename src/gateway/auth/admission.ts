import { randomBytes } from 'node:crypto'
import {
  GUEST_PREFIX,
  isGuestId,
  isUserId,
  limits,
  type ClientFrameOf,
  type EndCode,
  type Profile,
} from '../../protocol/index.js'
import { fittingProfile } from '../../protocol/internal.js'
import { newOwnCredential, type App } from '../apps/app.js'
import { isOrigin } from '../config/origins.js'
import type { Metrics } from '../metrics/metrics.js'
import { INEXACT_PROBLEM, pathOfInexact } from '../limits/exact-numbers.js'
import { isTooDeep, DEPTH_PROBLEM } from '../limits/json-depth.js'
import { authenticateParams } from './auth-params.js'
import { CREATED_AT, GENERATED, unverifiedClaims } from './guest-token.js'
import type { Authenticated, AuthenticatedUser, Peer, Refusal, StartContext } from './authentication.js'

/** A start of a session whose user is authenticated. */
export interface Admitted extends AuthenticatedUser {
  ok: true
  app: App
  guest: boolean
  /** The profile from the client, if the app's `profiles` setting accepts it. */
  claimed: Profile | undefined
  /** Why fields of the profile from the client are left out. */
  profileProblems: readonly string[]
}

/** How many characters of a refused origin are logged: enough for a scheme, a host name of full length and a port. */
const MAX_ORIGIN = 280

const NULL_ORIGIN =
  "This page's origin is null, as that of a file or of a sandboxed frame: open the page from a web server."

const refuseOrigin = (appId: string, origin: string): Refusal => ({
  ...refuse(
    'origin-refused',
    origin === 'null'
      ? NULL_ORIGIN
      : `This page's origin is not in apps.${appId}.origins of the gateway's config: add it there.`,
  ),
  origin: origin.slice(0, MAX_ORIGIN),
})

/**
 * Returns the sentence for the client. It names the origin to add, which `why` does not: lines of the log with different origins count as
 * one kind. Text that no config could have as an origin is not repeated.
 */
export const messageOf = ({ why, origin }: Refusal): string | undefined =>
  why !== undefined && origin !== undefined && isOrigin(origin) ? `${why} The origin is ${origin}.` : why

type Start = ClientFrameOf<'start'>

const refuse = (code: EndCode, why?: string, retryAfter?: number): Refusal => ({
  ok: false,
  code,
  why,
  retryAfter,
})

/**
 * Returns whether a token claims that a gateway signed it. A false claim gains nothing, because such a token is verified with the engine's
 * key.
 */
const isOwnToken = (token: string): boolean => unverifiedClaims(token)['tokenType'] === 'gateway'

/**
 * Verifies a token of the app's backend, or one that a gateway signed for the app. The app's keys come first: most tokens come from the
 * app's backend, and their claims are then parsed only once.
 */
export const authenticateToken = async (
  app: App,
  token: string,
  { tokenChecks }: Pick<Metrics, 'tokenChecks'>,
): Promise<Authenticated> => {
  const byBackend = await app.verifyToken(token)
  const isOwn = !byBackend.ok && isOwnToken(token)
  const result = isOwn ? await app.verifyOwnToken(token) : byBackend
  tokenChecks.inc({ app: app.settings.appId, result: result.ok ? 'ok' : result.code })
  if (!result.ok) return refuse(result.code, result.why, result.retryAfter)
  const { userId, user, tokenId, issuedAt, expiresAt } = result.claims
  if (isGuestId(userId) && !app.settings.guests) return refuse('guests-refused')
  const ownMethod = isGuestId(userId) ? 'guest' : 'authParams'
  return {
    ok: true,
    userId,
    vouched: user && { profile: user, issuedAt },
    credential: { authMethod: isOwn ? ownMethod : 'token', tokenId, issuedAt, expiresAt },
    mustBeNew: false,
    signToken: undefined,
  }
}

const authenticateSignature = async (app: App, userId: string, signature: string): Promise<Authenticated> =>
  (await app.verifySignature(userId, signature))
    ? {
        ok: true,
        userId,
        vouched: undefined,
        credential: { authMethod: 'signature', tokenId: null, issuedAt: null, expiresAt: null },
        mustBeNew: false,
        signToken: undefined,
      }
    : refuse(
        'unauthenticated',
        "The signature is not the user id's under any of the app's 'signatureSecrets'.",
      )

const admitGuest = (app: App, userId: string, mustBeNew: boolean): Authenticated => {
  const credential = newOwnCredential('guest', Date.now(), null)
  return {
    ok: true,
    userId,
    vouched: undefined,
    credential,
    mustBeNew,
    signToken: ({ createdAt }) => app.signOwnToken(userId, credential, { [CREATED_AT]: createdAt }),
  }
}

const admitNewGuest = (app: App): Authenticated =>
  admitGuest(app, `${GUEST_PREFIX}${GENERATED}${randomBytes(12).toString('base64url')}`, true)

const authenticateGuest = async (
  { engine }: StartContext,
  app: App,
  requestedId = '',
): Promise<Authenticated> => {
  const { appId, guests, environment } = app.settings
  if (!guests) return refuse('guests-refused')
  const name = isGuestId(requestedId) ? requestedId.slice(GUEST_PREFIX.length) : requestedId
  if (name === '') return admitNewGuest(app)
  if (name.startsWith(GENERATED))
    return refuse('bad-request', `A guest can't ask for an id that begins with '${GENERATED}'.`)
  const userId = GUEST_PREFIX + name
  if (!isUserId(userId))
    return refuse(
      'bad-request',
      "The 'userId' is not a valid guest id: it is too long or has control characters.",
    )
  // In a test app all guests who ask for the same id share it.
  if (environment === 'test') return admitGuest(app, userId, false)
  return (await engine.user({ appId, userId }))
    ? refuse('unauthenticated', GUEST_EXISTS)
    : admitGuest(app, userId, true)
}

/** Why a guest of a production app is refused if another guest has the id. */
export const GUEST_EXISTS = "Another guest has this id: start with that guest's token, or without a 'userId'."

/** Authenticates a start with a token. If the token's guest was deleted, a new guest is admitted. */
const authenticateStartToken = async (
  { engine, metrics }: StartContext,
  app: App,
  token: string,
  userId: string | undefined,
): Promise<Authenticated> => {
  const authenticated = await authenticateToken(app, token, metrics)
  if (!authenticated.ok) return authenticated
  if (userId !== undefined && userId !== authenticated.userId)
    return refuse('bad-request', "The 'userId' differs from the token's 'sub'.")
  if (!isGuestId(authenticated.userId)) return authenticated
  const guest = await engine.user({ appId: app.settings.appId, userId: authenticated.userId })
  return guest && guest.createdAt === unverifiedClaims(token)[CREATED_AT]
    ? { ...authenticated, createdAt: guest.createdAt }
    : admitNewGuest(app)
}

const authenticateStart = (
  context: StartContext,
  app: App,
  start: Start,
  peer: Peer,
): Authenticated | Promise<Authenticated> => {
  const { token, signature, authParams, guest, userId } = start
  if (token !== undefined) return authenticateStartToken(context, app, token, userId)
  if (guest) return authenticateGuest(context, app, userId)
  if (userId === undefined) return refuse('bad-request', "The field 'userId' is missing.")
  if (!isUserId(userId))
    return refuse(
      'bad-request',
      "The 'userId' is not valid: 1 to 255 bytes of UTF-8 without control characters or bidirectional marks, and not '.' or '..'.",
    )
  if (isGuestId(userId))
    return refuse('unauthenticated', `Only guests have ids that begin with '${GUEST_PREFIX}'.`)
  if (signature !== undefined) return authenticateSignature(app, userId, signature)
  return authenticateParams(context, app, userId, authParams ?? {}, peer)
}

/** Returns why a start is refused for every app; undefined if the start may go on. */
const checkStart = ({ token, signature, authParams, guest }: Start): Refusal | undefined => {
  if ([token, signature, authParams, guest].filter((credential) => credential !== undefined).length !== 1)
    return refuse('bad-request', "A start has exactly one of 'token', 'signature', 'authParams' and 'guest'.")
  if (isTooDeep(authParams)) return refuse('bad-request', DEPTH_PROBLEM)
  if (pathOfInexact(authParams)) return refuse('bad-request', `A value in 'authParams' ${INEXACT_PROBLEM}`)
  if (authParams && Buffer.byteLength(JSON.stringify(authParams)) > limits.authParams)
    return refuse('bad-request', `The field 'authParams' is larger than ${limits.authParams} bytes.`)
  return undefined
}

/**
 * Returns whether pages of an origin may use an app. The origin is null for a client without an `Origin` header. Such a client is no
 * browser, so no page of another site can have made it connect. A page without an origin of its own sends the text `null`, which is
 * compared like any other origin.
 */
export const isOriginAllowed = ({ origins }: App['settings'], origin: string | null): boolean =>
  origins === 'any' || origin === null || origins.has(origin)

/** Authenticates a start. If the user is not let in, the result is a refusal. Rejects if the gateway itself fails. */
export const admit = async (
  context: StartContext,
  apps: ReadonlyMap<string, App>,
  start: Start,
  peer: Peer,
): Promise<Admitted | Refusal> => {
  const problem = checkStart(start)
  if (problem) return problem
  const app = apps.get(start.appId)
  if (!app) return refuse('unknown-app')
  const { appId, profiles } = app.settings
  if (!isOriginAllowed(app.settings, peer.origin)) return refuseOrigin(appId, peer.origin ?? '')
  const authenticated = await authenticateStart(context, app, start, peer)
  if (!authenticated.ok) return authenticated
  const { userId, vouched, credential, mustBeNew, createdAt, signToken } = authenticated
  const fitting = start.user && fittingProfile(start.user)
  // A spread of `authenticated` would take as long as all else here.
  return {
    ok: true,
    app,
    userId,
    guest: isGuestId(userId),
    vouched,
    claimed: profiles === 'anyone' ? fitting?.profile : undefined,
    profileProblems: fitting?.problems ?? [],
    credential,
    mustBeNew,
    createdAt,
    signToken,
  }
}
