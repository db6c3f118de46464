import { ifPossible } from '../util/if-possible.js'
import { newId } from '../util/new-id.js'
import type { LeftSend } from './outbox.js'

/** The text with which the keys in `sessionStorage` begin. */
export const LEFT_SENDS = 'chat-session-left'

/**
 * Endpoint, app, user, and the messages. If no start has named or verified a user yet, the user is false for a guest, and true for anyone
 * else. A guest must not send the messages of a record with true.
 */
export type LeftRecord = [
  endpoint: string | URL,
  appId: string,
  userId: string | boolean | null,
  sends: LeftSend[],
]

/**
 * Stores the waiting messages for the next page of the tab, in place of an earlier record under the same `key`. If storage is forbidden or
 * full, only the HTTP request that this page sends when it is left can save the messages.
 */
export const leaveSends = (key: string, record: LeftRecord): void => {
  ifPossible(() => {
    if (record[3].length) sessionStorage[key] = JSON.stringify(record)
    else sessionStorage.removeItem(key)
  })
}

/** Returns the key of a page's record. */
export const leftKey = (): string => LEFT_SENDS + newId()

/** Returns whether an earlier page has left messages, of any user. */
export const areSendsLeft = (): boolean | undefined =>
  ifPossible(() => Object.keys(sessionStorage).join().includes(LEFT_SENDS))
