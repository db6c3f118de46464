import { object } from '../protocol/internal.js'
import { deadlineTimer, now } from './clock.js'
import { ifPossible } from './if-possible.js'

const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Milliseconds in which the token URL has to answer. If it hangs, the fetch fails and is made again. */
const ANSWER_TIMEOUT = 30_000

/**
 * Fetches a token with the page's cookies. Returns null when the user is signed out: 401, 403, 204, a null, or a redirect,
 * which usually leads to a login page that would answer 200 with HTML. Rejects when it should be tried again.
 */
export const fetchToken = async (
  url: string | URL,
  cancelled: AbortSignal,
  timeout = ANSWER_TIMEOUT,
): Promise<string | null> => {
  const controller = new AbortController()
  const { signal } = controller
  const stop = (): void => controller.abort()
  const onTimeout = (): void => controller.abort(new Error('The token URL did not answer in time.'))
  deadlineTimer(onTimeout, signal)(now() + timeout)
  cancelled.addEventListener('abort', stop, { signal })
  try {
    return await read(
      await fetch(url, { credentials: 'include', redirect: 'manual', cache: 'no-store', signal }),
    )
  } finally {
    stop()
  }
}

const read = async (response: Response): Promise<string | null> => {
  const { ok, status, type } = response
  // In browsers a redirect that is not followed is opaque; elsewhere it has its status.
  const isRedirect = type === 'opaqueredirect' || (status >= 300 && status < 400)
  if (isRedirect || [204, 401, 403].includes(status)) return null
  const body = ok ? (await response.text()).trim() : ''
  if (jwt.test(body)) return body
  // The parser's message for bad JSON quotes the text, so it must not get into an error: the text may hold a token.
  const json = ifPossible(() => JSON.parse(body) as unknown)
  const token = object(json) ? json['token'] : json
  if (token === null || (typeof token === 'string' && jwt.test(token))) return token
  throw new Error(`The token URL answered ${status} without a token.`)
}
