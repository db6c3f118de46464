import type { Credentials, Profile, SessionUser } from '../session/index.js'
import { subjectOf } from '../session/subject.js'

/** What an element's attributes and properties say; null, undefined and '' are absent. */
export interface Given {
  endpoint: string
  appId: string | null | undefined
  userId: string | number | null | undefined
  user: SessionUser
  credentials: Credentials
}

/** The session that an element should have. */
export interface Wanted {
  /** What sessions are shared by: another key is another session. */
  key: string
  endpoint: string
  appId: string
  userId: string | undefined
  credentials: Credentials
  profile: Profile
}

/** JSON with its keys in order, to compare by content. */
const canonical = (value: unknown): string =>
  JSON.stringify(value ?? null, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  )

export const sameContent = (one: unknown, other: unknown): boolean => canonical(one) === canonical(other)

const absolute = (address: string, base: string): string => {
  try {
    return address && new URL(address, base).href
  } catch {
    // Whoever uses it says what is wrong with it.
    return address
  }
}

/**
 * What is asked for, or undefined while something is missing: an app, and a user, whom a token names as well as an
 * attribute does. Being a guest must be asked for.
 */
export const wantedOf = ({ appId, userId, user, ...given }: Given, base: string): Wanted | undefined => {
  const { token, tokenUrl, guest } = given.credentials
  const id = userId?.toString() || undefined
  const name = id ?? (token ? subjectOf(token) : undefined)
  if (!appId || !(name ?? (token || guest))) return undefined
  const endpoint = absolute(given.endpoint, base)
  const { id: _, ...profile } = user
  return {
    key: canonical([endpoint, appId, name]),
    endpoint,
    appId,
    userId: id,
    credentials: { ...given.credentials, tokenUrl: tokenUrl && absolute(tokenUrl.toString(), base) },
    profile,
  }
}

/** Whether there is anything to prove the user with, or anywhere to get it from. */
export const hasCredentials = (credentials: Credentials): boolean => Object.values(credentials).some(Boolean)

/** The credentials in `after` that differ in value from those in `before`. */
export const changesOf = (before: Credentials, after: Credentials): Credentials =>
  Object.fromEntries(
    Object.entries(after).filter(([key, value]: [string, unknown]) => {
      const former = before[key as keyof Credentials]
      if (typeof value === 'function') return value !== former
      return typeof former === 'function' || !sameContent(value || null, former || null)
    }),
  )

/** Whether a change is one that no live session can take over. Clearing a credential leaves the session alone. */
export const needsRestart = ({ signature, authParams, guest }: Credentials): boolean =>
  !!(signature || authParams || guest)

/** What a live session is given of a change: a token only if it is new, and the sources as they are now. */
export const liveChange = ({ tokenFetcher, tokenUrl }: Credentials, { token }: Credentials): Credentials => ({
  tokenFetcher,
  tokenUrl,
  token,
})
