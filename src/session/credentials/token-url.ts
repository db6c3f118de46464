import { object } from '../../protocol/internal.js'
import { sentences } from '../sentences.js'
import { ifPossible } from '../util/if-possible.js'

/** The status of a redirect that is not followed: 0 in browsers, 3xx in Node. */
const redirected = /^(0|3..)$/

const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/

const read = async (response: Response, url: string | URL): Promise<string | null> => {
  const { ok, status } = response
  if (redirected.test(String(status))) {
    console.info(sentences.redirected(url, response))
    return null
  }
  if ([204, 401, 403].includes(status)) return null
  const body = ok ? (await response.text()).trim() : ''
  // The parser's message for bad JSON quotes the text, which may contain a token. So the message must not get into an error.
  const json = ifPossible(() => JSON.parse(body) as unknown)
  const token = object(json) ? json['token'] : json === undefined ? body : json
  if (token === null || (typeof token === 'string' && jwt.test(token))) return token
  throw new Error(sentences.noToken(status))
}

/**
 * Fetches a token with the page's cookies. Returns null when the user is signed out: 401, 403, 204, a null, or a redirect, which usually
 * leads to a login page that would answer 200 with HTML. Rejects if the fetch should be repeated. `signal` aborts when the token is no
 * longer needed.
 */
export const fetchToken = async (url: string | URL, signal: AbortSignal): Promise<string | null> =>
  read(await fetch(url, { credentials: 'include', redirect: 'manual', cache: 'no-store', signal }), url)
