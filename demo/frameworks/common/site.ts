/* The requests of all frameworks' pages to their server. */
import type { Site } from '../server/pages.d.mts'

export type { Site }

/** The logged-in user's id, and a token for the gateway. */
export interface Login {
  user: string
  token: string
}

/** Returns the data that the server wrote into the page. */
export const readSite = (): Site => JSON.parse(document.querySelector('#site')?.textContent ?? '') as Site

export const loginOf = ({ user, token }: Site): Login | null => (user && token ? { user, token } : null)

const request = async (path: string, init?: RequestInit): Promise<Response> => {
  const response = await fetch(path, init)
  if (!response.ok && response.status !== 401) throw new Error(`${path} answered ${response.status}.`)
  return response
}

export const logIn = async (user: string): Promise<Login> => {
  const response = await request('/login', { method: 'POST', body: new URLSearchParams({ user }) })
  return (await response.json()) as Login
}

export const logOut = async (): Promise<void> => {
  await request('/logout', { method: 'POST' })
}

/** Fetches a fresh token for the logged-in user; null if no user is logged in. */
export const freshToken = async (): Promise<string | null> => {
  const response = await request('/chat-token')
  return response.status === 401 ? null : ((await response.json()) as { token: string }).token
}
