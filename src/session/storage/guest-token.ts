import { ifPossible } from '../util/if-possible.js'

/**
 * Returns the token of this browser's guest from `localStorage`; undefined if there is no token or no `key`. `change` replaces the token,
 * and null deletes it.
 */
export const guestToken = (key: string | undefined, change?: string | null): string | undefined =>
  ifPossible(() => {
    if (!key) return undefined
    if (change) localStorage[key] = change
    if (change === null) localStorage.removeItem(key)
    return localStorage[key] as string | undefined
  })
