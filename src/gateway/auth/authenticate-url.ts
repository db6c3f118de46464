import { randomUUID } from 'node:crypto'
import { userIdText } from '../../protocol/index.js'
import { parseObject } from '../../protocol/internal.js'
import type { AppSettings, AuthenticateRequest } from '../config/parse.js'
import { postSigned, type RequestMeter } from '../outbound/outbound-request.js'

type AuthenticateUrl = NonNullable<AppSettings['authenticateUrl']>

/** The most bytes of an answer. A profile has 4,096 at most, or three times as many if its characters are escaped. */
const MAX_BYTES = 65_536

/**
 * The app's backend did not decide, or there was no time to ask it. The start ends as `unavailable`. The error's message repeats no part of
 * the backend's answer.
 */
export class NoDecisionError extends Error {
  override readonly name = 'NoDecisionError'
}

/**
 * Asks the app's backend whether the client may be this user. Resolves with the JSON object of an answer with the status 200, or with null
 * if the answer is no. Rejects with a `NoDecisionError` or an `OutboundRequestError` if the backend did not decide. Asks only once: the
 * client tries again.
 */
export const askAuthenticateUrl = async (
  target: AuthenticateUrl,
  request: AuthenticateRequest,
  headers: Readonly<Record<string, string>>,
  timeout: number,
  meter: RequestMeter,
): Promise<Record<string, unknown> | null> => {
  const forwarded = target.forwardHeaders.flatMap((name) =>
    headers[name] === undefined ? [] : [[name, headers[name]] as const],
  )
  const { status, body } = await postSigned(target, randomUUID(), JSON.stringify(request), {
    headers: Object.fromEntries(forwarded),
    timeout,
    maxBytes: MAX_BYTES,
    meter,
  })
  if (status === 429 || status >= 500) throw new NoDecisionError(`The answer has the status ${status}.`)
  if (status !== 200) return null
  const answer = parseObject(body ?? '')
  if (!answer) throw new NoDecisionError(`The answer is not a JSON object of ${MAX_BYTES} bytes or less.`)
  // A backend that reads a cookie finds the user itself, so its answer must confirm the id that the client asks for.
  const userId = answer['userId'] ?? undefined
  const namesUser = target.forwardHeaders.length > 0 || userId !== undefined
  return namesUser && userIdText(userId) !== request.userId ? null : answer
}

const forwardedBy = new WeakMap<ReadonlyMap<string, AppSettings>, readonly string[]>()

/** Returns the names of all headers that any app forwards. They are computed once for each config, not for each handshake. */
export const forwardedHeaders = (apps: ReadonlyMap<string, AppSettings>): readonly string[] => {
  const known = forwardedBy.get(apps)
  if (known) return known
  const names = [...new Set([...apps.values()].flatMap((app) => app.authenticateUrl?.forwardHeaders ?? []))]
  forwardedBy.set(apps, names)
  return names
}
