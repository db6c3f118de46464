import type { Message } from '../protocol/index.js'
import type { PushDevice } from './push.js'
import type { AppOptions, UserRecord, UserRef } from './records.js'
import type { PendingEvent } from './webhook-events.js'

/**
 * The read mark of a peer in an inbox. `newest` is the offset of the newest message with the peer when the mark was set. When this message
 * is deleted, so is the mark.
 */
export type PeerMark = [peer: string | null, offset: number, newest: number]

/** What the engine keeps about the id of a message, so that a retry of its send is safe. */
export interface SentId {
  digest: string
  /** The offset of the sender's own copy; null for a message from the backend. */
  ownOffset: number | null
  /** For how many more milliseconds the id is kept. */
  left: number
  /**
   * How many times the recipient's inbox and the sender's inbox had been deleted before the send. When one of these inboxes is deleted
   * again, the id counts as new.
   */
  deletions: [to: number, from: number]
}

/** Facts about a user. A fact that is absent is unknown, or in another record. */
export interface UserFacts extends UserRef {
  kind: 'user'
  record?: UserRecord | undefined
  /** Whether the user of `record` is a guest. */
  guest?: boolean | undefined
  /** Pending pushes are not transferred. The target's engine works them out when it opens the data. */
  devices?: PushDevice[] | undefined
  lastSeenAt?: number | undefined
  /** The revocation and the number of deletions of a user remain when the user is deleted. */
  revoked?: { revokedBefore: number | null; deletions: number } | undefined
  /**
   * A user has adopted this guest. Messages to the guest go to the user `by` for `left` more milliseconds. With `isMoving` the guest's inbox
   * still has messages that are to move.
   */
  adoption?:
    | {
        by: string
        byCreatedAt: number
        createdAt: number
        messages: number
        left: number
        isMoving: boolean
      }
    | undefined
  /** In `left` milliseconds the engine looks for unread messages from `offset` on, to report them in a `message.unread`. */
  check?: { offset: number; deletions: number; left: number } | undefined
}

/**
 * A piece of an engine's data, which `chat-session copy` transfers to another engine. Sessions and epochs are not transferred. A time of an
 * engine's own clock means nothing to another engine, so records have durations instead.
 */
export type TransferRecord =
  /** The engine's key, in Base64url. */
  | { kind: 'key'; key: string }
  /** With `isSearched` the app asks for `message.unread`, and each streak of unread messages has its check, or was reported. */
  | { kind: 'app'; appId: string; revokedBefore?: number; options?: AppOptions; isSearched?: true }
  /** A revoked token. `left`: for how many more milliseconds the revocation is kept; null if it is kept for ever. */
  | { kind: 'token'; appId: string; tokenId: string; left: number | null }
  | UserFacts
  /** The next records are the messages of the inbox, in their order. `first` is the oldest offset that is retained. */
  | ({
      kind: 'inbox'
      deletions: number
      offset: number
      first: number
      readOffset: number
      marks: PeerMark[]
    } & UserRef)
  /**
   * `size` is how many bytes of the app's quota the message takes. `age` is how old it is, for the retention. `sent` is null for an own
   * copy. With `isRead` the message counts as read, whatever the read mark is.
   */
  | ({
      kind: 'message'
      message: Message
      size: number
      age: number
      sent: SentId | null
      isRead: boolean
    } & UserRef)
  | ({ kind: 'event' } & Pick<PendingEvent, 'event' | 'attempts' | 'lastError' | 'state'>)

export type RecordOf<Kind extends TransferRecord['kind']> = Extract<TransferRecord, { kind: Kind }>

/** Pages of records, in an order that suits every target. Each record comes once. */
export type TransferPages = AsyncIterable<TransferRecord[]>

/**
 * Writes records to a place without data. A flag is stored there before the first record and removed after the last one, so that no engine
 * opens unfinished data. With `restart` the place may have data of an unfinished transfer, which are deleted first.
 */
export type TransferTarget = (pages: TransferPages, restart: boolean) => Promise<void>

/** Returns the error message for the data of an unfinished transfer. `where` names the data. */
export const unfinishedTransfer = (where: string): string =>
  `${where} holds data of a transfer that did not finish: run \`chat-session copy\` again with --restart, which begins again.`
