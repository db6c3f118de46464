/* What a page of any framework says to its own server. */
import type { Site } from '../server/pages.d.mts'

export type { Site }

/** The server's name for whoever is logged in, and a token that says so to the gateway. */
export interface Login {
  user: string
  token: string
}

/** What the server wrote into the page. */
export const readSite = (): Site => JSON.parse(document.querySelector('#site')?.textContent ?? '') as Site

export const loginOf = ({ user, token }: Site): Login | null => (user && token ? { user, token } : null)

const ask = async (path: string, init?: RequestInit): Promise<Response> => {
  const response = await fetch(path, init)
  if (!response.ok && response.status !== 401) throw new Error(`${path} answered ${response.status}.`)
  return response
}

export const logIn = async (user: string): Promise<Login> => {
  const response = await ask('/login', { method: 'POST', body: new URLSearchParams({ user }) })
  return (await response.json()) as Login
}

export const logOut = async (): Promise<void> => {
  await ask('/logout', { method: 'POST' })
}

/** A fresh token for whoever is logged in; null when nobody is. */
export const freshToken = async (): Promise<string | null> => {
  const response = await ask('/chat-token')
  return response.status === 401 ? null : ((await response.json()) as { token: string }).token
}
