import { ifPossible, sessionUrl } from '../../session/internal.js'

let scriptUrl = ''

export const setScriptUrl = (url: string): void => void (scriptUrl = url)

/**
 * The gateway that served the script; empty if the script came from elsewhere. A gateway serves it at
 * `https://HOST/v1/chat-session.js`, and at the same path with a version in it.
 */
export const endpointOfScript = (): string =>
  /^(https?:.*)\/v1\/chat-session(-[\w.-]+)?\.js$/.exec(scriptUrl.replace(/[?#].*/s, ''))?.[1] ?? ''

/**
 * Returns the endpoints in `data-endpoint` of the page's module scripts; null if no tag has any. If there are several tags, an endpoint
 * has to be in each of them: a tag that an attacker adds must not allow more. A tag's `src` is not compared with the script's URL, which is
 * another one after a redirect. If no tag of a module names the script, its tag may have been removed, and only the gateway that
 * served the script is allowed. It throws if markup has clobbered the functions of `document`. Clobbered `document.scripts` would look like
 * an empty list.
 */
export const pinnedEndpoints = (): string[] | null => {
  const tag = 'script[type=module]'
  const lists: string[][] = [...document.querySelectorAll<HTMLElement>(`${tag}[data-endpoint]`)].map(
    ({ dataset }) => dataset['endpoint']?.match(/\S+/g) ?? [],
  )
  if (lists[0]) return lists[0].filter((endpoint) => lists.every((list) => list.includes(endpoint)))
  return document.querySelector(`${tag}[src*=chat-session]`) ? null : [endpointOfScript()]
}

/** The address that a session connects to. Relative to the page's own URL, since an attacker's `<base>` changes `baseURI`. */
const addressOf = (endpoint: string | URL): string =>
  ifPossible(() => sessionUrl(new URL(endpoint, location.href))) ?? ''

/** Returns whether `endpoint` is one of `endpoints`. Null allows any. */
export const isAllowedEndpoint = (endpoint: string, endpoints: readonly (string | URL)[] | null): boolean =>
  !endpoints || endpoints.some((allowed) => addressOf(allowed) === addressOf(endpoint))
