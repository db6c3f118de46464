import { sessionUrl } from '../session/internal.js'

let scriptUrl = ''

export const setScriptUrl = (url: string): void => void (scriptUrl = url)

/**
 * The gateway that served the script; empty if the script came from elsewhere. A gateway serves it at
 * `https://HOST/v1/chat-session.js`, and at the same path with a version in it.
 */
export const endpointOfScript = (): string =>
  /^(https?:.*)\/v1\/chat-session(-[\w.-]+)?\.js$/.exec(scriptUrl.replace(/[?#].*/s, ''))?.[1] ?? ''

/** Returns the folder of the script. One server has the script at several URLs: with a version in the name, and with any query. */
const withoutName = (scriptUrl: string): string => scriptUrl.replace(/(chat-session|[?#]).*/s, '')

/**
 * Returns the endpoints in `data-endpoint` of the script's tag; null if the tag has none. If there are several tags, an endpoint
 * has to be in each of them: a tag that an attacker adds must not allow more. It throws if markup has clobbered
 * `document.querySelectorAll`. Clobbered `document.scripts` would look like an empty list.
 */
export const pinnedEndpoints = (scriptUrl: string): string[] | null => {
  const lists = [...document.querySelectorAll<HTMLScriptElement>('script[data-endpoint]')]
    .filter(({ src }) => withoutName(src) === withoutName(scriptUrl))
    .map(({ dataset }) => dataset['endpoint']?.split(/\s+/).filter(Boolean) ?? [])
  return lists[0]?.filter((endpoint) => lists.every((list) => list.includes(endpoint))) ?? null
}

/** The address that a session connects to. Relative to the page's own URL, since an attacker's `<base>` changes `baseURI`. */
const addressOf = (endpoint: string | URL): string => {
  try {
    return sessionUrl(new URL(endpoint, location.href))
  } catch {
    return ''
  }
}

/** Returns whether `endpoint` is one of `endpoints`. Null allows any. */
export const isAllowedEndpoint = (endpoint: string, endpoints: readonly (string | URL)[] | null): boolean =>
  !endpoints || endpoints.some((allowed) => addressOf(allowed) === addressOf(endpoint))
