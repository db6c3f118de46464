import { randomBytes } from 'node:crypto'
import {
  GUEST_PREFIX,
  isGuestId,
  isUserId,
  limits,
  parseProfile,
  PROFILE_RULE,
  type ClientFrameOf,
  type EndCode,
  type Profile,
} from '../../protocol/index.js'
import { object } from '../../protocol/internal.js'
import type { App } from './app.js'
import type { AuthenticateAnswer } from '../config/parse.js'
import { isTooDeep, DEPTH_PROBLEM } from '../limits/json-depth.js'

/** What the handshake says about a client. */
export interface Peer {
  /** The `Origin` header; null if there is none, since only browsers send it. */
  origin: string | null
  address: string
}

/** Why a start is refused. `why` repeats nothing that the client sent. */
export interface Refusal {
  ok: false
  code: EndCode
  why?: string | undefined
  /** The stack of an error in the app's own code, for the log. */
  trace?: string | undefined
}

/** A start that was authenticated, and who its user is. */
export interface Admitted {
  ok: true
  app: App
  userId: string
  guest: boolean
  /** The profile from the token or the app's backend. */
  vouched: Profile | undefined
  /** The profile from the client, if the app's `profiles` setting takes it. */
  claimed: Profile | undefined
  /** Unix time in milliseconds at which the credentials expire; null if they never do. */
  expiresAt: number | null
  /** A token for the client to reconnect with, if it started with auth params or as a guest. */
  token: string | undefined
}

type Start = ClientFrameOf<'start'>
type AuthenticatedUser = Pick<Admitted, 'userId' | 'vouched' | 'expiresAt' | 'token'>
type Authenticated = ({ ok: true } & AuthenticatedUser) | Refusal

const refuse = (code: EndCode, why?: string, trace?: string): Refusal => ({ ok: false, code, why, trace })

/** `expiresIn` of an `authenticate` that returns none, in seconds: a session must not outlive the log-in for ever. */
const DEFAULT_EXPIRES_IN = 86_400

/** Returns whether a token says that the gateway signed it. A false claim gains nothing: each kind has its own key and `tokenType`. */
const isOwnToken = (token: string): boolean => {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    return object(claims) && claims['tokenType'] === 'gateway'
  } catch {
    // Not a token: `verifyToken` says why.
    return false
  }
}

/** Verifies a token for the app: one that the gateway signed, or one of the app's backend. */
export const authenticateToken = async (app: App, token: string): Promise<Authenticated> => {
  const result = isOwnToken(token) ? await app.verifyOwnToken(token) : await app.verifyToken(token)
  if (!result.ok) return refuse(result.code, result.why)
  const { userId, user, expiresAt } = result.claims
  if (isGuestId(userId) && !app.settings.guests) return refuse('guests-refused')
  return { ok: true, userId, vouched: user, expiresAt, token: undefined }
}

const authenticateSignature = async (app: App, userId: string, signature: string): Promise<Authenticated> =>
  (await app.verifySignature(userId, signature))
    ? { ok: true, userId, vouched: undefined, expiresAt: null, token: undefined }
    : refuse(
        'unauthenticated',
        "The signature is not the user id's under any of the app's 'signatureSecrets'.",
      )

/** Returns an error's name and stack without its message, which may repeat the client's input (`JSON.parse` does). */
const traceOf = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line))
  return [error.name, ...frames].join('\n')
}

/** Only `ok: true` lets a user in, so that a truthy value or a Response does not. */
const isYes = (answer: unknown): answer is Extract<AuthenticateAnswer, { ok: true }> =>
  object(answer) && answer['ok'] === true

const authenticateWithParams = async (
  app: App,
  userId: string,
  authParams: NonNullable<Start['authParams']>,
  peer: Peer,
): Promise<Authenticated> => {
  const { authenticate, appId } = app.settings
  if (!authenticate) return refuse('unauthenticated', "The app's config has no 'authenticate' function.")
  let answer: unknown
  try {
    answer = await authenticate({ appId, userId, authParams, ...peer })
  } catch (error) {
    // An error is no answer: the client tries again, and may be let in when the app's backend is back.
    return refuse('unavailable', "The app's 'authenticate' function threw.", traceOf(error))
  }
  if (!isYes(answer))
    return refuse('unauthenticated', "The app's 'authenticate' function did not return ok: true.")
  const expiresIn = answer.expiresIn ?? DEFAULT_EXPIRES_IN
  const vouched = answer.user === undefined ? undefined : parseProfile(answer.user)
  if (!(Number.isFinite(expiresIn) && expiresIn > 0) || (answer.user !== undefined && !vouched))
    return refuse(
      'unavailable',
      "The app's 'authenticate' function returned an 'expiresIn' that is no positive number, or a 'user' that is no profile.",
    )
  const token = await app.signOwnToken(userId, expiresIn)
  return { ok: true, userId, vouched, expiresAt: Date.now() + expiresIn * 1000, token }
}

const authenticateGuest = async (app: App, requestedId = ''): Promise<Authenticated> => {
  if (!app.settings.guests) return refuse('guests-refused')
  const name = isGuestId(requestedId) ? requestedId.slice(GUEST_PREFIX.length) : requestedId
  // An empty name would give all guests without a name the same id.
  const userId = GUEST_PREFIX + (name === '' ? randomBytes(12).toString('base64url') : name)
  if (!isUserId(userId))
    return refuse(
      'bad-request',
      "The 'userId' is not a valid guest id: it is too long or has control characters.",
    )
  return {
    ok: true,
    userId,
    vouched: undefined,
    expiresAt: null,
    token: await app.signOwnToken(userId, null),
  }
}

const authenticateStart = async (app: App, start: Start, peer: Peer): Promise<Authenticated> => {
  const { token, signature, authParams, guest, userId } = start
  if (token !== undefined) {
    const authenticated = await authenticateToken(app, token)
    return authenticated.ok && userId !== undefined && userId !== authenticated.userId
      ? refuse('bad-request', "The 'userId' differs from the token's 'sub'.")
      : authenticated
  }
  if (guest) return authenticateGuest(app, userId)
  if (userId === undefined) return refuse('bad-request', "The field 'userId' is missing.")
  if (!isUserId(userId))
    return refuse(
      'bad-request',
      "The 'userId' is not valid: 1 to 255 bytes of UTF-8 without control characters or bidirectional marks, and not '.' or '..'.",
    )
  if (isGuestId(userId))
    return refuse('unauthenticated', `Only guests have ids that begin with '${GUEST_PREFIX}'.`)
  if (signature !== undefined) return authenticateSignature(app, userId, signature)
  return authenticateWithParams(app, userId, authParams ?? {}, peer)
}

/** Checks what does not depend on the app. */
const checkStart = ({ token, signature, authParams, guest, user }: Start): Refusal | undefined => {
  if ([token, signature, authParams, guest].filter((credential) => credential !== undefined).length !== 1)
    return refuse('bad-request', "A start has exactly one of 'token', 'signature', 'authParams' and 'guest'.")
  if (isTooDeep(authParams)) return refuse('bad-request', DEPTH_PROBLEM)
  if (authParams && Buffer.byteLength(JSON.stringify(authParams)) > limits.authParams)
    return refuse('bad-request', `The field 'authParams' is larger than ${limits.authParams} bytes.`)
  if (user && !parseProfile(user)) return refuse('bad-request', PROFILE_RULE)
  return undefined
}

/** Authenticates a start. Resolves with a refusal if it is not let in; rejects if the gateway itself fails. */
export const admit = async (
  apps: ReadonlyMap<string, App>,
  start: Start,
  peer: Peer,
): Promise<Admitted | Refusal> => {
  const problem = checkStart(start)
  if (problem) return problem
  const app = apps.get(start.appId)
  if (!app) return refuse('unknown-app')
  const { origins, profiles } = app.settings
  // A client without an origin is no browser, so that no other site's page can make it connect.
  if (origins !== 'any' && peer.origin !== null && !origins.has(peer.origin)) return refuse('origin-refused')
  const authenticated = await authenticateStart(app, start, peer)
  if (!authenticated.ok) return authenticated
  return {
    ...authenticated,
    app,
    guest: isGuestId(authenticated.userId),
    claimed: profiles === 'anyone' && start.user ? parseProfile(start.user) : undefined,
  }
}
