import { object } from '../protocol/schema.js'

/** What the parser says of bad JSON repeats a piece of it, which would then stand in an error. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/

/**
 * Fetches a token with the page's cookies. Null means signed out: 401, 403, 204, a null, or a redirect, which leads to
 * a login page as often as not and would answer 200 with HTML. Rejects with what should be tried again.
 */
export const fetchToken = async (url: string | URL, signal: AbortSignal): Promise<string | null> => {
  const response = await fetch(url, { credentials: 'include', redirect: 'manual', cache: 'no-store', signal })
  const { status } = response
  if (status === 401 || status === 403 || status === 204 || response.type === 'opaqueredirect') return null
  // Outside of browsers a redirect that isn't followed shows itself as what it is.
  if (status >= 300 && status < 400) return null
  const body = response.ok ? (await response.text()).trim() : ''
  if (jwt.test(body)) return body
  const json = response.ok ? parsed(body) : undefined
  const token = object(json) ? json['token'] : json
  if (token === null || (typeof token === 'string' && jwt.test(token))) return token
  throw new Error(`The token URL answered ${status} without a token.`)
}
