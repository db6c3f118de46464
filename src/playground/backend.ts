import type { Credentials } from '../session/index.js'
import { ways, type Choice } from './settings.js'

/* What a site's own backend would do: here it is the development gateway, which makes tokens for anybody. */

export const call = async <T>(path: string, method = 'GET'): Promise<T> => {
  const response = await fetch(path, { method })
  if (!response.ok) throw new Error(`${path.replace(/\?.*/s, '')} answered ${response.status}.`)
  return (response.status === 204 ? undefined : await response.json()) as T
}

const tokenPath = ({ appId, userId, way, profile }: Choice): string =>
  `/dev/token?${new URLSearchParams({
    appId,
    userId,
    expiresIn: String(ways[way].lifetime ?? 3600),
    // Only the backend's word counts in the strict app.
    ...(appId === 'strict' && profile.name && { name: profile.name }),
  })}`

/** Answers null when signed out. */
export const fetchToken = async (choice: Choice, signal?: AbortSignal): Promise<string | null> => {
  signal?.throwIfAborted()
  return (await call<{ token: string | null }>(tokenPath(choice))).token
}

/** The address that the element on this line asks by itself. It says so, to be told apart from what this page asks. */
export const tokenUrlOf = (choice: Choice, line: string): string => `${tokenPath(choice)}&by=${line}`

const fetchSignature = async ({ appId, userId }: Choice): Promise<string> =>
  (await call<{ signature: string }>(`/dev/signature?${new URLSearchParams({ appId, userId })}`)).signature

/** A token whose signature is somebody else's. */
const spoiled = (token: string | null): string | null => token?.replace(/[^.]+$/, 'A'.repeat(43)) ?? null

const source = ({ userId }: Choice, state: 'sign-in' | 'sign-out'): Promise<unknown> =>
  call(`/dev/source/${state}?${new URLSearchParams({ userId })}`, 'POST')

export const signIn = (choice: Choice): Promise<unknown> => source(choice, 'sign-in')
export const signOut = (choice: Choice): Promise<unknown> => source(choice, 'sign-out')

/** What the page gives the element to prove who the user is, as the chosen way has it. */
export const credentialsFor = async (
  choice: Choice,
  line: string,
  tokenFetcher: NonNullable<Credentials['tokenFetcher']>,
): Promise<Credentials> => {
  switch (choice.way) {
    case 'token':
      return { token: await fetchToken(choice) }
    case 'token-fetcher':
      return { token: await fetchToken(choice), tokenFetcher }
    case 'lapsing-url':
      return { token: await fetchToken(choice), tokenUrl: tokenUrlOf(choice, line) }
    case 'token-url':
      return { tokenUrl: tokenUrlOf(choice, line) }
    case 'signature':
      return { signature: await fetchSignature(choice) }
    case 'auth-params':
      return { authParams: { password: choice.password } }
    case 'guest':
      return { guest: true }
    case 'wrong-token':
      return { token: spoiled(await fetchToken(choice)) }
    case 'nothing':
      return {}
  }
}
