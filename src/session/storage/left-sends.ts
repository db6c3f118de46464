import { ifPossible } from '../util/if-possible.js'
import type { LeftSend } from './outbox.js'

/** What the keys in `sessionStorage` begin with. */
export const LEFT_SENDS = 'chat-session-left'

/** Endpoint, app, user, and the messages. The user is unknown if no start has named or verified one yet. */
export type LeftRecord = [
  endpoint: string,
  appId: string,
  userId: string | null | undefined,
  sends: LeftSend[],
]

/**
 * Writes what waits for the next page of the tab, in place of what was written under the same `key`. Storage may be forbidden or full: then
 * only the post of the page that is left may save the messages.
 */
export const leaveSends = (key: string, record: LeftRecord): void => {
  ifPossible(() => {
    if (record[3].length) sessionStorage[LEFT_SENDS + key] = JSON.stringify(record)
    else sessionStorage.removeItem(LEFT_SENDS + key)
  })
}

/** Returns whether a page has left messages, of any user. */
export const areSendsLeft = (): boolean | undefined =>
  ifPossible(() => Object.keys(sessionStorage).join().includes(LEFT_SENDS))
