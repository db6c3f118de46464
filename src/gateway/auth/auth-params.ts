import { parseProfile, type EndCode, type JsonObject } from '../../protocol/index.js'
import { object, profileProblem } from '../../protocol/internal.js'
import { carriedOf } from '../../engine/internal.js'
import { isInMilliseconds } from '../../tokens/internal.js'
import { withTimeout } from '../../util/with-timeout.js'
import type { AuthenticateAnswer, AuthenticateRequest } from '../config/parse.js'
import { OutboundRequestError } from '../outbound/outbound-request.js'
import { createRequestMeter } from '../outbound/request-meter.js'
import { newOwnCredential, type App } from '../apps/app.js'
import { NoPlaceError } from '../limits/concurrency-limit.js'
import { addressKey } from '../limits/connection-limits.js'
import type { AdmissionContext, Authenticated, Peer, Refusal, StartContext } from './authentication.js'
import { askAuthenticateUrl, NoDecisionError } from './authenticate-url.js'

/**
 * If the answer of the app's backend has no `expiresIn`, the credentials expire after this many seconds, because a session must not outlive
 * the log-in for ever.
 */
const DEFAULT_EXPIRES_IN = 86_400

/** Milliseconds after which a client tries again if too many starts wait to be authenticated. */
const RETRY_AFTER = 5_000

/**
 * `authenticate` may take this many milliseconds longer than `startTimeout`. So the connection's own deadline comes first, and ends the
 * start as `timeout`.
 */
const GRACE = 250

/**
 * `authenticateUrl` may take this share of `startTimeout`. If it takes longer, the start ends as `unavailable`, before the connection's own
 * deadline.
 */
const URL_SHARE = 0.8

/** An app's check of auth params: its function `authenticate`, or a request to its `authenticateUrl`. */
interface Check {
  /** The subject of the sentence that says why a start is refused. */
  readonly name: string
  /** The code with which a start is refused if the answer has `ok: true` and a bad `expiresIn` or `user`. */
  readonly badAnswer: EndCode
  /** Resolves with the answer. Rejects if there is none. */
  ask(): Promise<unknown>
}

const refuse = (code: EndCode, why: string, trace?: string): Refusal => ({ ok: false, code, why, trace })

/** Returns an error for the log. Only the gateway's own errors keep their message, because other messages may repeat the client's input. */
const traceOf = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error
  if (error instanceof OutboundRequestError || error instanceof NoDecisionError)
    return `${error.name}: ${error.message}`
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line))
  return [error.name, ...frames].join('\n')
}

const tookTooLong = (): Error => new Error('authenticate took too long')

/** Returns the app's check of auth params; undefined if it has none. */
const checkOf = (
  { settings: { startTimeout }, metrics }: AdmissionContext,
  { settings: { authenticate, authenticateUrl } }: App,
  request: AuthenticateRequest,
  headers: Peer['headers'],
): Check | undefined => {
  if (authenticate)
    return {
      name: "The app's 'authenticate' function",
      badAnswer: 'unavailable',
      // Without a timeout, calls of `authenticate` that never end would use up `app.authentications`.
      ask: () => withTimeout(authenticate(request), startTimeout + GRACE, tookTooLong),
    }
  if (!authenticateUrl) return undefined
  // The deadline is set before `ask` is called, so that the time in which the request waits for `app.authentications` counts.
  const deadline = performance.now() + URL_SHARE * startTimeout
  return {
    name: "The app's 'authenticateUrl'",
    badAnswer: 'unauthenticated',
    async ask() {
      const timeout = Math.floor(deadline - performance.now())
      if (timeout <= 0)
        throw new NoDecisionError("Earlier requests to the app's backend took the whole time.")
      const meter = createRequestMeter(metrics, request.appId, 'authenticate')
      return askAuthenticateUrl(authenticateUrl, request, headers ?? {}, timeout, meter)
    },
  }
}

/**
 * Only an object whose own `ok` is `true` lets a user in. If `authenticate` returns a `Response` without reading its body, the body perhaps
 * says no. A `Response` inherits its `ok`, so it lets nobody in.
 */
const isAccepted = (answer: unknown): answer is Extract<AuthenticateAnswer, { ok: true }> =>
  object(answer) && Object.hasOwn(answer, 'ok') && answer['ok'] === true

/** Authenticates a start with auth params: what a page gives to its app's backend, which checks who the user is. */
export const authenticateParams = async (
  context: StartContext,
  app: App,
  userId: string,
  authParams: JsonObject,
  { origin, address, headers }: Peer,
): Promise<Authenticated> => {
  const { appId } = app.settings
  const request = { appId, userId, authParams, origin, address }
  const check = checkOf(context, app, request, headers)
  if (!check)
    return refuse(
      'unauthenticated',
      "The app's config has no 'authenticate' function and no 'authenticateUrl'.",
    )
  const refuseForNow = (): Refusal => {
    context.metrics.limitsReached.inc({ app: appId, limit: 'authentications' })
    return { ...refuse('unavailable', 'Too many starts wait to be authenticated.'), retryAfter: RETRY_AFTER }
  }
  let answer: unknown
  let issuedAt = Date.now()
  try {
    const turn = app.authentications.run(
      async () => {
        // The time is read before the app's backend answers, so that a revocation during the request counts.
        issuedAt = Date.now()
        return context.isOpen() ? check.ask() : undefined
      },
      () => context.isOpen(),
      addressKey(address),
    )
    if (!turn) return refuseForNow()
    answer = await turn
  } catch (error) {
    if (error instanceof NoPlaceError) return refuseForNow()
    // An error is no answer, so the start is `unavailable`: the client tries again, and may be let in when the app's backend works again.
    return refuse('unavailable', `${check.name} gave no answer.`, traceOf(error))
  }
  if (!isAccepted(answer)) return refuse('unauthenticated', `${check.name} did not answer with ok: true.`)
  // The JSON of many languages has null for an absent field.
  const expiresIn = answer.expiresIn ?? DEFAULT_EXPIRES_IN
  const user = answer.user ?? undefined
  const profile = user && parseProfile(user)
  if (user !== undefined && !profile)
    return refuse(
      check.badAnswer,
      `${check.name} answered with a 'user' that is no profile: ${profileProblem(user)}.`,
    )
  // As with the `exp` of a token, the REST API promises whole milliseconds.
  const expiresAt = Math.round(Date.now() + expiresIn * 1000)
  // An `expiresAt` that is so late that it looks like milliseconds is refused here. `signOwnToken` would reject it only after the user was
  // saved.
  const isExpiry = Number.isFinite(expiresIn) && expiresIn > 0 && !isInMilliseconds(expiresAt / 1000)
  if (!isExpiry)
    return refuse(
      check.badAnswer,
      `${check.name} answered with an 'expiresIn' that is no positive number of seconds or lies too far ahead.`,
    )
  const credential = newOwnCredential('authParams', issuedAt, expiresAt)
  return {
    ok: true,
    userId,
    // The app's backend answered just now, so the profile was issued now.
    vouched: profile && { profile, issuedAt: Date.now() },
    credential,
    mustBeNew: false,
    // The session that reconnects with this token sends its messages with the same name.
    signToken: () => app.signOwnToken(userId, credential, {}, profile && carriedOf(profile)),
  }
}
