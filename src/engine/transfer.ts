import type { Message } from '../protocol/index.js'
import type { PushDevice } from './push.js'
import type { AppOptions, UserRecord, UserRef } from './records.js'
import type { PendingEvent, WebhookEvent } from './webhook-events.js'

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

/**
 * A piece of an engine's data, which `chat-session copy` transfers to another engine. Sessions and epochs are not transferred. A time of an
 * engine's own clock means nothing to another engine, so records have durations instead.
 */
export type TransferRecord =
  /** The engine's key, in Base64url. */
  | { kind: 'key'; key: string }
  /** `options` are null if the engine stores none. */
  | { kind: 'app'; appId: string; revokedBefore: number | null; options: AppOptions | null }
  /** The app asks for `message.unread`, and each streak of unread messages has its check, or was reported. */
  | { kind: 'unread-scan'; appId: string }
  /** A revoked token. `left`: for how many more milliseconds the revocation is kept; null if it is kept for ever. */
  | { kind: 'token'; appId: string; tokenId: string; left: number | null }
  | { kind: 'user'; user: UserRecord; guest: boolean }
  /** Pending pushes are not transferred. The target's engine works them out when it opens the data. */
  | ({ kind: 'devices'; devices: PushDevice[] } & UserRef)
  | ({ kind: 'seen'; lastSeenAt: number } & UserRef)
  /** The revocation and the number of deletions of a user, which remain when the user is deleted. */
  | ({ kind: 'revocation'; revokedBefore: number | null; deletions: number } & UserRef)
  /**
   * A guest (`userId`) who was adopted. Messages to the guest go to the user for `left` more milliseconds. With `isMoving` the guest's
   * inbox still has messages that are to move.
   */
  | ({
      kind: 'adoption'
      by: string
      byCreatedAt: number
      createdAt: number
      messages: number
      left: number
      isMoving: boolean
    } & UserRef)
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
  /** In `left` milliseconds the engine looks for unread messages from `offset` on, to report them in a `message.unread`. */
  | ({ kind: 'check'; offset: number; deletions: number; left: number } & UserRef)
  | {
      kind: 'event'
      event: WebhookEvent
      attempts: number
      lastError: string | null
      state: PendingEvent['state']
    }

/** The data of an engine, while no engine has them open. */
export interface TransferSource {
  /** Rejects if an engine has the data open. */
  open(): Promise<void>
  /** Yields all records. Rejects if the data may have changed meanwhile. */
  pages(): AsyncIterable<TransferRecord[]>
  close(): Promise<void>
}

/**
 * The place to which an engine's data are transferred. From `open` to `finish` a flag is stored there, so that no engine opens unfinished
 * data.
 */
export interface TransferTarget {
  /** Rejects if the target has data. With `restart` it first deletes the data of a transfer that did not finish. */
  open(options: { restart: boolean }): Promise<void>
  write(records: readonly TransferRecord[]): Promise<void>
  /** Makes the records durable, and removes the flag. */
  finish(): Promise<void>
  close(): Promise<void>
}

/** Returns the error message for the data of an unfinished transfer. `where` names the data. */
export const unfinishedTransfer = (where: string): string =>
  `${where} holds data of a transfer that did not finish: run \`chat-session copy\` again with --restart, which begins again.`
