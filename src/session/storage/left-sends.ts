import { ifPossible } from '../util/if-possible.js'
import { newId } from '../util/new-id.js'
import type { LeftSend } from './outbox.js'

/** The prefix of the keys in `sessionStorage` under which a page stores messages for the next page of the tab. */
export const LEFT_SENDS = 'chat-session-left'

/**
 * Endpoint, app, user, and messages. If the user id is not known yet, `userId` is false for a guest, and true for any other user. A guest
 * must not send the messages of a record whose `userId` is true.
 */
export type LeftRecord = [endpoint: string | URL, appId: string, userId: string | boolean, sends: LeftSend[]]

/**
 * Stores the waiting messages for the next page of the tab, in place of an earlier record under this `key`. If storage is forbidden or
 * full, nothing is stored. Then only the HTTP request that a page sends when the user leaves it can save the messages.
 */
export const leaveSends = (key: string, record: LeftRecord): void => {
  ifPossible(() => {
    if (record[3].length) sessionStorage[key] = JSON.stringify(record)
    else sessionStorage.removeItem(key)
  })
}

/** Returns a new key, for the record of one page. */
export const leftKey = (): string => LEFT_SENDS + newId()

/** Returns whether an earlier page has stored messages, of any user. */
export const areSendsLeft = (): boolean | undefined =>
  ifPossible(() => Object.keys(sessionStorage).join().includes(LEFT_SENDS))
