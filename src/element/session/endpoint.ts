import { endpointOfScript, ifPossible, sessionUrl } from '../../session/internal.js'

/**
 * Returns the endpoints in `data-endpoint` of the page's module scripts. If several scripts have `data-endpoint`, only endpoints in all of
 * them count, so that an attacker's tag can't allow more. If no script has `data-endpoint`, returns null, which allows any endpoint. But if
 * no module script has `chat-session` in its `src` either, the tag was perhaps removed. Then only the gateway that served the script is
 * allowed. A `src` is not compared with the script's URL, because a redirect changes that URL. Throws if markup has replaced a function of
 * `document`, as `<img name="querySelectorAll">` does. A replaced `document.scripts` would look like an empty list, so it is not used.
 */
export const pinnedEndpoints = (): string[] | null => {
  const tag = 'script[type=module]'
  const lists: string[][] = [...document.querySelectorAll<HTMLElement>(`${tag}[data-endpoint]`)].map(
    ({ dataset }) => dataset['endpoint']?.match(/\S+/g) ?? [],
  )
  if (lists[0]) return lists[0].filter((endpoint) => lists.every((list) => list.includes(endpoint)))
  return document.querySelector(`${tag}[src*=chat-session]`) ? null : [endpointOfScript]
}

/**
 * Returns the address to which a session connects. A relative endpoint is resolved against the page's own URL, because an attacker's
 * `<base>` changes `baseURI`.
 */
const addressOf = (endpoint: string | URL): string =>
  ifPossible(() => sessionUrl(new URL(endpoint, location.href))) ?? ''

/** Returns whether `endpoint` is one of `endpoints`. Null allows any. */
export const isAllowedEndpoint = (endpoint: string, endpoints: readonly (string | URL)[] | null): boolean =>
  !endpoints || endpoints.some((allowed) => addressOf(allowed) === addressOf(endpoint))
