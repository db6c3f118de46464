import type { Credentials, Profile } from '../session/index.js'
import { subjectOf } from '../session/internal.js'

/** What an element's attributes and properties say; null, undefined and '' are absent. */
export interface Given {
  endpoint: string
  appId: string | null | undefined
  userId: string | number | null | undefined
  profile: Profile
  credentials: Credentials
}

/** The session that an element should have. */
export interface Wanted {
  /** What sessions are shared by: another key is another session. */
  key: string
  endpoint: string
  appId: string
  /** Empty when it isn't said by itself. */
  userId: string
  /** The user as far as this page knows: a guest gets a name from the gateway. */
  name: string | undefined
  credentials: Credentials
  profile: Profile
}

/** Frameworks write `false` for a flag that isn't there: some as the attribute, some as the property. */
export const isOn = (flag: unknown): boolean => !!flag && flag !== 'false'

/** JSON with its keys in order, to compare by content. */
const canonical = (value: unknown): string =>
  JSON.stringify(value ?? null, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  )

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
 * attribute does. Being a guest must be asked for. A user whom only a token named stays the same when it is cleared:
 * `former` says who it was.
 */
export const wantedOf = (
  { endpoint, appId, userId, profile, credentials }: Given,
  base: string,
  former?: Wanted,
): Wanted | undefined => {
  const { token, tokenUrl, guest } = credentials
  const id = String(userId ?? '')
  const name = id || (token ? subjectOf(token) : guest || former?.userId ? undefined : former?.name)
  if (!appId || !(name || token || guest)) return undefined
  const address = absolute(endpoint, base)
  return {
    key: canonical([address, appId, name]),
    endpoint: address,
    appId,
    userId: id,
    name,
    credentials: { ...credentials, tokenUrl: tokenUrl && absolute(String(tokenUrl), base) },
    profile,
  }
}

/** Whether there is anything to prove the user with, or anywhere to get it from. */
export const hasCredentials = (credentials: Credentials): boolean => Object.values(credentials).some(Boolean)

/** The fields of `after` that differ in value from those of `before`; null, undefined, false and '' are alike. */
export const changesOf = <T extends object>(before: T, after: T): Partial<T> =>
  Object.fromEntries(
    Object.entries(after).filter(([key, value]: [string, unknown]) => {
      const former: unknown = before[key as keyof T]
      return typeof value === 'function' || typeof former === 'function'
        ? value !== former
        : canonical(value || null) !== canonical(former || null)
    }),
  ) as Partial<T>
