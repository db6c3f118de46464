import type { Resumption } from '../../protocol/index.js'
import { ifPossible } from '../util/if-possible.js'
import { isPage } from '../util/runtime.js'
import { isPageGone, type State } from '../machine/state.js'

/** Stores the session between two pages of a tab, in `sessionStorage`. */
export interface ResumeStorage {
  /**
   * Returns the session that a page stored, and removes it, because a tab that is duplicated later must not get it, too. Null if that page
   * ended the session, undefined if no session is stored.
   */
  take(): Resumption | null | undefined
  /**
   * Stores the session when the page is gone, and null when the session ended. A page that comes back from the browser's cache takes the
   * session again.
   */
  save(state: State): void
}

/** The methods of the credential store that read and set the token which the gateway gave a guest. */
interface GuestToken {
  /** The result has the field `userId` only if the gateway gave the token. */
  held(): { token?: string | undefined; userId?: undefined } | null
  accept(token: string): void
}

/**
 * Returns undefined if there is no storage. If storage is forbidden or full, the next page starts a new session. If the user is a guest,
 * only the gateway's token proves that the next page has the same guest. So the token is stored, too.
 */
export const createResumeStorage = (
  key: string,
  isGuest: boolean,
  credentials: GuestToken,
): ResumeStorage | undefined => {
  const storage = isPage ? ifPossible(() => sessionStorage) : undefined
  if (!storage) return undefined
  const write = (value: unknown): unknown => ifPossible(() => (storage[key] = JSON.stringify(value)))
  return {
    take() {
      const saved = ifPossible(() => {
        const json = storage[key] as string
        storage.removeItem(key)
        return JSON.parse(json) as (Resumption & { token?: string }) | null
      })
      if (!saved) return saved
      const { token, ...resume } = saved
      if (token) credentials.accept(token)
      return resume
    },
    save(state) {
      if (state.name === 'ended') write(null)
      const held = credentials.held()
      // The page may have set a user's token while the guest's session started. That token is not stored.
      if (isPageGone(state) && state.cursor)
        write({ ...state.cursor, token: isGuest && held && 'userId' in held ? held.token : undefined })
    },
  }
}
