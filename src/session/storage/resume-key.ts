import { cursorOf, isPageGone } from '../machine/selectors.js'
import type { Cursor, State, StoredSession } from '../machine/state.js'
import { ifPossible } from '../util/if-possible.js'
import { isPage } from '../util/runtime.js'
import { toJson } from '../util/to-json.js'

/** Stores the session between two pages of a tab, in `sessionStorage`. */
export interface ResumeStorage {
  /** Returns what a page has stored, and removes it, because a tab that is duplicated later must not get it, too. */
  take(): StoredSession
  /**
   * Stores the session when the page is gone, and that it has ended when it has. A page that comes back from the browser's cache takes the
   * session again.
   */
  save(state: State): void
}

/** The methods of the credential store that read and set the token which the gateway gave a guest. */
interface Credentials {
  held(): { isGuest: boolean; fields: { token?: string | undefined } } | null
  accept(token: string): void
}

/** The stored JSON. Null says that the session has ended. */
type Stored = (Cursor & { token?: string | undefined }) | null

/**
 * `key` returns the key of the user's session in `sessionStorage`; undefined while it is not known who the user is. If there is no storage,
 * or if storage is forbidden or full, the next page starts a new session. If the user is a guest, only the gateway's token proves that the
 * next page has the same guest. So the token is stored, too.
 */
export const createResumeStorage = (
  key: () => string | undefined,
  credentials: Credentials,
): ResumeStorage => {
  const storage = isPage ? ifPossible(() => sessionStorage) : undefined

  const write = (value: Stored): void => {
    const name = key()
    if (storage && name) ifPossible(() => storage.setItem(name, toJson(value)))
  }
  const guestToken = (): string | undefined => {
    const held = credentials.held()
    // The page may have set a user's token while the guest's session started. That token is not stored.
    return held?.isGuest ? held.fields.token : undefined
  }

  return {
    take() {
      const name = key()
      if (!storage || !name) return 'unavailable'
      const stored = ifPossible(() => {
        const json = storage.getItem(name)
        storage.removeItem(name)
        return json === null ? undefined : (JSON.parse(json) as Stored)
      })
      if (stored === undefined) return 'absent'
      if (stored === null) return 'ended'
      const { token, ...resume } = stored
      if (token) credentials.accept(token)
      return resume
    },
    save(state) {
      if (state.name === 'ended') return write(null)
      const cursor = cursorOf(state)
      if (isPageGone(state) && cursor) write({ ...cursor, token: guestToken() })
    },
  }
}
