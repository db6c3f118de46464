import { ifPossible } from '../util/if-possible.js'

/** The token of this browser's guest, in `localStorage`: the user who logs in adopts the guest with it. */
export interface GuestToken {
  read(): string | undefined
  store(token: string): void
  remove(): void
}

export const guestToken = (key: string): GuestToken => ({
  read: () => ifPossible(() => localStorage.getItem(key)) ?? undefined,
  store: (token) => ifPossible(() => localStorage.setItem(key, token)),
  remove: () => ifPossible(() => localStorage.removeItem(key)),
})
