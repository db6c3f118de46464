import type { Credentials } from '../../session/index.js'
import { loginMethods, type Settings } from './settings.js'

/* Requests that a site would send to its own backend. Here the development gateway answers them, for any user. */

export const request = async <T>(path: string, method = 'GET'): Promise<T> => {
  const response = await fetch(path, { method })
  if (!response.ok) throw new Error(`${path.replace(/\?.*/s, '')} answered ${response.status}.`)
  return (response.status === 204 ? undefined : await response.json()) as T
}

const tokenPath = ({ appId, userId, method, profile }: Settings): string =>
  `/dev/token?${new URLSearchParams({
    appId,
    userId,
    expiresIn: String(loginMethods[method].lifetime ?? 3600),
    // The strict app takes the profile only from the token.
    ...(appId === 'strict' && profile.name && { name: profile.name }),
  })}`

/** Returns null if the user is signed out. */
export const fetchToken = async (settings: Settings, signal?: AbortSignal): Promise<string | null> => {
  signal?.throwIfAborted()
  return (await request<{ token: string | null }>(tokenPath(settings))).token
}

/**
 * Returns the token URL for the element. Its parameter `by` distinguishes the element's requests from this page's in the browser's list of
 * resources.
 */
export const tokenUrlOf = (settings: Settings, link: string): string => `${tokenPath(settings)}&by=${link}`

const fetchSignature = async ({ appId, userId }: Settings): Promise<string> =>
  (await request<{ signature: string }>(`/dev/signature?${new URLSearchParams({ appId, userId })}`)).signature

/** Signs the user in or out at the development gateway, which gives a token only to a user who is signed in. */
export const setSignedIn = ({ userId }: Settings, signedIn: boolean): Promise<unknown> =>
  request(`/dev/source/sign-${signedIn ? 'in' : 'out'}?${new URLSearchParams({ userId })}`, 'POST')

/** Returns the credentials of the chosen login method. */
export const credentialsFor = async (
  settings: Settings,
  link: string,
  tokenFetcher: NonNullable<Credentials['tokenFetcher']>,
): Promise<Credentials> => {
  const { credentials } = loginMethods[settings.method]
  const has = (name: keyof Credentials): boolean => credentials.includes(name)
  const token = has('token') ? await fetchToken(settings) : null
  return {
    token: settings.method === 'wrong-token' ? token?.replace(/[^.]+$/, 'A'.repeat(43)) : token,
    tokenFetcher: has('tokenFetcher') ? tokenFetcher : null,
    tokenUrl: has('tokenUrl') ? tokenUrlOf(settings, link) : null,
    signature: has('signature') ? await fetchSignature(settings) : null,
    authParams: has('authParams') ? { password: settings.password } : null,
    guest: has('guest'),
  }
}
