import { ifPossible } from '../util/if-possible.js'
import { newId } from '../util/new-id.js'
import type { LeftSend } from './outbox.js'
import { toJson } from '../util/to-json.js'

/** The prefix of the keys in `sessionStorage` under which a page stores messages for the next page of the tab. */
export const LEFT_SENDS = 'chat-session-left'

/** Who has sent messages. The id is null if the gateway had not verified the user when the page was left, and the page named none. */
export interface Sender {
  isGuest: boolean
  id: string | null
}

/** Returns whether both are known to be the same user. */
export const isSame = (one: Sender, other: Sender): boolean =>
  one.id !== null && one.id === other.id && one.isGuest === other.isGuest

/** What one page has left. */
export interface LeftRecord {
  sender: Sender
  sends: LeftSend[]
}

/**
 * What becomes of messages that `sender` has left, once the gateway has verified the user of this page. `send`: they are the user's own.
 * `report`: it is not known whose they are, or they are those of another guest of this tab, who is the same person. `drop`: another user
 * must not learn what the sender has written.
 */
export const fateOf = (sender: Sender, verified: Sender): 'send' | 'report' | 'drop' => {
  if (sender.id === null && sender.isGuest) return verified.isGuest ? 'send' : 'report'
  if (sender.id === null) return verified.isGuest ? 'drop' : 'report'
  if (sender.id === verified.id) return 'send'
  return sender.isGuest && verified.isGuest ? 'report' : 'drop'
}

/** Parses a stored record. Returns undefined for other content, which another script may have written. */
const parseRecord = (json: string | null): LeftRecord | undefined =>
  ifPossible(() => {
    const { sender, sends } = JSON.parse(json ?? '') as LeftRecord
    const { isGuest, id } = sender
    return { sender: { isGuest, id }, sends: sends.map((send) => ({ ...send, type: 'send' })) }
  })

/** The messages that the pages of one tab leave for their next page, in `sessionStorage`. If storage is forbidden, there are none. */
export interface LeftSends {
  /** Returns a key for the record of one page. */
  newKey(): string
  /**
   * Stores messages in place of an earlier record under this key. If storage is full, nothing is stored. Then only the HTTP request of a
   * page that is left can save the messages.
   */
  leave(key: string, sender: Sender, sends: LeftSend[]): void
  /** Removes the records for whose sender `isWanted` returns true, and returns them. Removes records that can't be read. */
  take(isWanted: (sender: Sender) => boolean): LeftRecord[]
}

/** Only sessions with the same `name` find these messages. */
export const createLeftSends = (name: string): LeftSends => {
  const prefix = LEFT_SENDS + name
  return {
    newKey: () => prefix + newId(),
    leave(key, sender, sends) {
      const record: LeftRecord = { sender, sends }
      ifPossible(() => {
        if (sends.length) sessionStorage.setItem(key, toJson(record))
        else sessionStorage.removeItem(key)
      })
    },
    take(isWanted) {
      const keys = ifPossible(() => Object.keys(sessionStorage)) ?? []
      return keys.flatMap((key) => {
        if (!key.startsWith(prefix)) return []
        const record = parseRecord(sessionStorage.getItem(key))
        if (record && !isWanted(record.sender)) return []
        sessionStorage.removeItem(key)
        return record ? [record] : []
      })
    },
  }
}
