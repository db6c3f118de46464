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

/** Who is at the other end of a connection, as far as HTTP tells. */
export interface Peer {
  /** The page's origin; null where there is no browser. */
  origin: string | null
  address: string
}

/** Why somebody is not let in. `why` holds nothing that was sent. */
export interface Refusal {
  ok: false
  code: EndCode
  why?: string | undefined
  /** Where the app's own code failed, for the log. */
  trace?: string | undefined
}

/** Somebody whose identity is proven. */
export interface Admitted {
  ok: true
  app: App
  userId: string
  guest: boolean
  /** The profile that the app's backend vouched for. */
  vouched: Profile | undefined
  /** The profile that the client claims, where the app lets it. */
  claimed: Profile | undefined
  /** Unix time in milliseconds at which the credentials lapse. */
  expiresAt: number | null
  /** The token to come back with, where the credentials are none. */
  token: string | undefined
}

type Start = ClientFrameOf<'start'>
type Identity = Pick<Admitted, 'userId' | 'vouched' | 'expiresAt' | 'token'>
type Proven = ({ ok: true } & Identity) | Refusal

const refuse = (code: EndCode, why?: string, trace?: string): Refusal => ({ ok: false, code, why, trace })

/** Seconds that an authentication is good for when it doesn't say: a session must not outlive the log-in for ever. */
const DEFAULT_AUTHENTICATION = 86_400

/** Which of the two signers a token names. A lie gains nothing: each is checked with its own key and `tokenType`. */
const isOwnToken = (token: string): boolean => {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    return object(claims) && claims['tokenType'] === 'gateway'
  } catch {
    // No token at all: the verifier says what is wrong with it.
    return false
  }
}

/** Checks a token for the app, the gateway's own or the backend's. */
export const proveToken = async (app: App, token: string): Promise<Proven> => {
  const result = isOwnToken(token) ? await app.verifyOwnToken(token) : await app.verifyToken(token)
  if (!result.ok) return refuse(result.code, result.why)
  const { userId, user, expiresAt } = result.claims
  if (isGuestId(userId) && !app.settings.guests) return refuse('guests-refused')
  return { ok: true, userId, vouched: user, expiresAt, token: undefined }
}

const proveSignature = async (app: App, userId: string, signature: string): Promise<Proven> =>
  (await app.verifySignature(userId, signature))
    ? { ok: true, userId, vouched: undefined, expiresAt: null, token: undefined }
    : refuse(
        'unauthenticated',
        'The signature is not that of the user id under any of the signature secrets.',
      )

/** What failed and where, without its message: that may repeat what the client gave (`JSON.parse` does). */
const traceOf = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line))
  return [error.name, ...frames].join('\n')
}

/** Anything but a clear yes is a no. */
const isYes = (answer: unknown): answer is Extract<AuthenticateAnswer, { ok: true }> =>
  object(answer) && answer['ok'] === true

const proveAuthParams = async (
  app: App,
  userId: string,
  authParams: NonNullable<Start['authParams']>,
  peer: Peer,
): Promise<Proven> => {
  const { authenticate, appId } = app.settings
  if (!authenticate) return refuse('unauthenticated', 'The app has no authentication function.')
  let answer: unknown
  try {
    answer = await authenticate({ appId, userId, authParams, ...peer })
  } catch (error) {
    // Nobody's no: whoever it was may be let in when the app's backend is back.
    return refuse('unavailable', "The app's authentication function failed.", traceOf(error))
  }
  if (!isYes(answer)) return refuse('unauthenticated', "The app's authentication function said no.")
  const expiresIn = answer.expiresIn ?? DEFAULT_AUTHENTICATION
  const vouched = answer.user === undefined ? undefined : parseProfile(answer.user)
  if (!(Number.isFinite(expiresIn) && expiresIn > 0) || (answer.user !== undefined && !vouched))
    return refuse(
      'unavailable',
      "The app's authentication function answered an expiresIn or a user that can't be used.",
    )
  const token = await app.signOwnToken(userId, expiresIn)
  return { ok: true, userId, vouched, expiresAt: Date.now() + expiresIn * 1000, token }
}

const proveGuest = async (app: App, wished = ''): Promise<Proven> => {
  if (!app.settings.guests) return refuse('guests-refused')
  const name = isGuestId(wished) ? wished.slice(GUEST_PREFIX.length) : wished
  // A name of nothing would be everybody's.
  const userId = GUEST_PREFIX + (name === '' ? randomBytes(12).toString('base64url') : name)
  if (!isUserId(userId)) return refuse('bad-request', 'The user id is not one that a guest can have.')
  return {
    ok: true,
    userId,
    vouched: undefined,
    expiresAt: null,
    token: await app.signOwnToken(userId, null),
  }
}

const prove = async (app: App, start: Start, peer: Peer): Promise<Proven> => {
  const { token, signature, authParams, guest, userId } = start
  if (token !== undefined) {
    const proven = await proveToken(app, token)
    return proven.ok && userId !== undefined && userId !== proven.userId
      ? refuse('bad-request', 'The user id is not the one the token was made for.')
      : proven
  }
  if (guest) return proveGuest(app, userId)
  if (userId === undefined) return refuse('bad-request', "The field 'userId' is missing.")
  if (!isUserId(userId)) return refuse('bad-request', 'The user id is not one that a user can have.')
  if (isGuestId(userId)) return refuse('unauthenticated', 'Only a guest has an id that begins like this.')
  if (signature !== undefined) return proveSignature(app, userId, signature)
  return proveAuthParams(app, userId, authParams ?? {}, peer)
}

/** What is wrong with a start whatever app and user it is for. */
const malformed = ({ token, signature, authParams, guest, user }: Start): Refusal | undefined => {
  if ([token, signature, authParams, guest].filter((proof) => proof !== undefined).length !== 1)
    return refuse('bad-request', "A start has exactly one of 'token', 'signature', 'authParams' and 'guest'.")
  if (isTooDeep(authParams)) return refuse('bad-request', DEPTH_PROBLEM)
  if (authParams && Buffer.byteLength(JSON.stringify(authParams)) > limits.authParams)
    return refuse('bad-request', `The field 'authParams' is larger than ${limits.authParams} bytes.`)
  if (user && !parseProfile(user)) return refuse('bad-request', PROFILE_RULE)
  return undefined
}

/** What is wrong with a profile that has the right types. */
/** Decides whether a start is let in, and as whom. Rejects only when what it asks fails. */
export const admit = async (
  apps: ReadonlyMap<string, App>,
  start: Start,
  peer: Peer,
): Promise<Admitted | Refusal> => {
  const wrong = malformed(start)
  if (wrong) return wrong
  const app = apps.get(start.appId)
  if (!app) return refuse('unknown-app')
  const { origins, profiles } = app.settings
  // Only browsers send an origin, and only browsers can be made to connect by somebody else's page.
  if (origins !== 'any' && peer.origin !== null && !origins.has(peer.origin)) return refuse('origin-refused')
  const proven = await prove(app, start, peer)
  if (!proven.ok) return proven
  return {
    ...proven,
    app,
    guest: isGuestId(proven.userId),
    claimed: profiles === 'anyone' && start.user ? parseProfile(start.user) : undefined,
  }
}
