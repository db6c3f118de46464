import type { Resumption } from '../protocol/index.js'
import type { CredentialStore } from './credentials.js'
import type { State } from './machine/state.js'

/** Where one page leaves its session for the next one of this tab. */
export interface Shelf {
  /**
   * Takes what a page left, which is the caller's from now on: a tab that is duplicated later shares nothing. Null when
   * the session was ended there, undefined when there is nothing.
   */
  take(): Resumption | null | undefined
  /** A tab that comes back to a page finds here how its session fared meanwhile. */
  leave(state: State): void
}

/** Storage that is forbidden, full or absent costs the next page its session, and nothing else. */
const tried = <T>(use: () => T): T | undefined => {
  try {
    return use()
  } catch {
    return undefined
  }
}

/** A guest without a name is the same one again by the token that the gateway gave. Undefined where there is no storage. */
export const createShelf = (
  key: string,
  isNamed: boolean,
  credentials: Pick<CredentialStore, 'token' | 'keep'>,
): Shelf | undefined => {
  const storage = typeof document === 'undefined' ? undefined : tried(() => sessionStorage)
  if (!storage) return undefined
  const put = (value: unknown): unknown => tried(() => storage.setItem(key, JSON.stringify(value)))
  return {
    take() {
      const json = tried(() => storage.getItem(key))
      tried(() => storage.removeItem(key))
      const left = tried(() => JSON.parse(json ?? '') as (Resumption & { token?: string }) | null)
      if (!left) return left
      const { token, ...resume } = left
      if (token) credentials.keep(token)
      return resume
    },
    leave(state) {
      if (state.name === 'ended') put(null)
      if (!('line' in state) || state.line.at !== 'away' || !state.cursor) return
      put({ ...state.cursor, token: isNamed ? undefined : credentials.token() })
    },
  }
}
