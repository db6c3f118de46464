import { object } from '../protocol/internal.js'

/** What the parser says of bad JSON repeats a piece of it, which would then stand in an error. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Milliseconds in which the token URL has to answer: a backend that hangs is asked again, as one that fails is. */
const ANSWER_LIMIT = 30_000

/**
 * Fetches a token with the page's cookies. Null means signed out: 401, 403, 204, a null, or a redirect, which leads to
 * a login page as often as not and would answer 200 with HTML. Rejects with what should be tried again.
 */
export const fetchToken = async (
  url: string | URL,
  given: AbortSignal,
  limit = ANSWER_LIMIT,
): Promise<string | null> => {
  const life = new AbortController()
  const { signal } = life
  const stop = (): void => life.abort()
  const late = setTimeout(() => life.abort(new Error('The token URL did not answer in time.')), limit)
  given.addEventListener('abort', stop, { signal })
  try {
    return await read(
      await fetch(url, { credentials: 'include', redirect: 'manual', cache: 'no-store', signal }),
    )
  } finally {
    clearTimeout(late)
    stop()
  }
}

const read = async (response: Response): Promise<string | null> => {
  const { ok, status, type } = response
  // Outside of browsers a redirect that isn't followed shows itself as what it is.
  const isRedirect = type === 'opaqueredirect' || (status >= 300 && status < 400)
  if (isRedirect || [204, 401, 403].includes(status)) return null
  const body = ok ? (await response.text()).trim() : ''
  if (jwt.test(body)) return body
  const json = parsed(body)
  const token = object(json) ? json['token'] : json
  if (token === null || (typeof token === 'string' && jwt.test(token))) return token
  throw new Error(`The token URL answered ${status} without a token.`)
}
