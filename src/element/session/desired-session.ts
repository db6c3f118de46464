import type { Credentials, Profile } from '../../session/index.js'
import { profileAttributes } from '../attributes.js'
import { isSet } from '../is-set.js'
import { isAllowedEndpoint } from './endpoint.js'
import { endpointOfScript, ifPossible, toJson, unverifiedSubject } from '../../session/internal.js'

/** The attributes and properties that an element's session comes from; null, undefined and '' mean absent. */
interface ElementInput extends Omit<Credentials, 'guest'>, Pick<Element, 'baseURI' | 'getAttribute'> {
  readonly appId: string | null | undefined
  readonly userId: string | number | null | undefined
  readonly endpoint: string | null | undefined
  readonly guest: boolean | null | undefined
  readonly user: Profile | null | undefined
}

/** The session that an element asks for. */
export interface DesiredSession {
  /** Endpoint, app and user as one text. Elements with the same key share a session. */
  key: string
  endpoint: string
  appId: string
  /**
   * The value of `user-id`; empty if only the token names the user. If `user-id` is cleared and the token still names the user, the element
   * writes the former value here, so that the session ends if the token is cleared, too.
   */
  userId: string
  /** The user id of `user-id` or of the token. Undefined for a guest, whose id the gateway makes. */
  knownUserId: string | undefined
  credentials: Credentials
  profileFields: Profile
}

/**
 * Returns an absolute URL. A malformed URL stays unchanged, and the session reports it: an endpoint as `bad-endpoint`, a `token-url` when
 * it fetches a token.
 */
const absoluteUrl = (url: string, base: string): string =>
  url && (ifPossible(() => new URL(url, base).href) ?? url)

const mergeProfile = (input: ElementInput): Profile => {
  const profile: Profile = { ...input.user }
  for (const [attribute, field] of Object.entries(profileAttributes)) {
    const value = input.getAttribute(attribute)?.trim()
    if (value) profile[field] = value
  }
  return profile
}

/**
 * Returns the session that `input` asks for; undefined while the app or the user is missing. The user comes from `user-id`, from the token,
 * or from `guest`. If only a token named the user and the token is cleared, the user of `previous` stays. The page allows only the
 * endpoints in `endpoints`; null allows any.
 */
export const toDesiredSession = (
  input: ElementInput,
  endpoints: readonly (string | URL)[] | null,
  previous?: DesiredSession,
): DesiredSession | undefined => {
  const { appId, baseURI, token, tokenFetcher, tokenUrl, signature, authParams } = input
  const guest = isSet(input.guest)
  const userId = String(input.userId ?? '')
  const knownUserId =
    userId ||
    (token ? unverifiedSubject(token) : guest || previous?.userId ? undefined : previous?.knownUserId)
  if (!appId || !(knownUserId || token || guest)) return undefined
  const url = absoluteUrl(input.endpoint || endpointOfScript, baseURI)
  // An endpoint that is not allowed gets the scheme `forbidden:`, with which the session fails as `bad-endpoint`. The session gets no
  // credential and no token source: an attacker who can add markup to the page, but no script, must not get the user's token.
  const allowed = !url || isAllowedEndpoint(url, endpoints)
  const endpoint = allowed ? url : `forbidden:${url}`
  return {
    key: toJson([endpoint, appId, knownUserId]),
    endpoint,
    appId,
    userId,
    knownUserId,
    credentials: allowed
      ? {
          token,
          tokenFetcher,
          tokenUrl: tokenUrl && absoluteUrl(String(tokenUrl), baseURI),
          signature,
          authParams,
          guest,
        }
      : { guest: true },
    profileFields: mergeProfile(input),
  }
}

/** Returns whether there is a credential, or a token source. */
export const hasCredentials = (credentials: Credentials): boolean => Object.values(credentials).some(Boolean)

/** Returns the same for equal values. Functions, and other values that JSON can't write, equal only themselves. */
const comparable = (value: unknown): unknown => ifPossible(() => toJson(value || 0)) ?? value

/** Returns the fields of `after` whose value differs from that in `before`. Null, undefined, false and '' are equal. */
export const changedFields = <T extends object>(before: T | undefined, after: T): Partial<T> =>
  Object.fromEntries(
    Object.entries(after).filter(
      ([key, value]) => comparable(value) !== comparable(before?.[key as keyof T]),
    ),
  ) as Partial<T>
