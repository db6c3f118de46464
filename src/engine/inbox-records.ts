import type { JsonObject, Message } from '../protocol/index.js'

/** A position in an inbox. An epoch is one sequence of offsets: offsets of different epochs can't be compared. */
export interface Position {
  epoch: string
  /** 0 is before the first message. */
  offset: number
}

/** The state of an inbox. `offset` is that of the newest message. */
export interface InboxState extends Position {
  readOffset: number
  /**
   * The number of retained messages from others that neither `readOffset` nor the read mark of their peer has reached. Messages that an
   * adopted guest had read do not count.
   */
  unread: number
}

/** Whether an inbox keeps messages from and to a peer. */
export interface Exchange {
  /** Whether the inbox keeps a message from the peer. */
  received: boolean
  /** Whether the inbox keeps a message to the peer. */
  sent: boolean
}

/** A peer of an inbox. */
export interface Peer {
  /** The peer's user id; null for the app's backend. */
  id: string | null
  /** The sender's `name` and `photoUrl` in the newest kept message from the peer; null if there is none. */
  name: string | null
  photoUrl: string | null
  /** The number of unread messages from the peer. */
  unread: number
  /** The peer's read mark or the inbox's read mark, whichever is greater. */
  readOffset: number
  /** The newest message from or to the peer. */
  newest: Message
}

export interface PeerPage {
  /** The peer with the newest message first. */
  peers: Peer[]
  /** The offset before which the next page continues; null after the last peer. */
  next: number | null
  /** The state of the inbox that the page shows. */
  inbox: InboxState
}

/** Messages of an inbox. */
export interface InboxPage {
  /** In offset order. */
  messages: Message[]
  /** The state of the inbox that the page shows: a message beyond its `offset` is not in the page. */
  inbox: InboxState
}

/** Messages from and to one peer. */
export interface PeerMessages extends InboxPage {
  /** The offset after or before which the next page continues; null if there is no next page. */
  next: number | null
  /** The offset of the newest message from or to the peer; 0 if the inbox keeps none. */
  newest: number
}

/**
 * A range of an inbox: the oldest messages after an offset, or the newest messages before an offset. If `before` is null, the range ends
 * with the newest message.
 */
export type InboxRange = { after: number } | { before: number | null }

/** The unread count and the read mark of a peer. */
export type PeerState = Pick<Peer, 'id' | 'unread' | 'readOffset'>

/** A message to send, with `body`, `data` or both. The caller has checked the sizes. */
export interface CheckedMessage {
  appId: string
  /** The idempotency key, which the sender makes. It is unique among the messages of one sender to one recipient. */
  id: string
  /** A user id, or null for the app's backend. */
  from: string | null
  to: string
  body?: string | undefined
  data?: JsonObject | undefined
  /**
   * The profile that the message carries: that of the session which sends it. It is no part of the content: a retry may have another one.
   * @default the profile of the user `from`
   */
  sender?: Message['sender'] | undefined
  /**
   * The content from the sender, if the app's backend has replaced it. A retry has this content, so the engine compares a retry with it. No
   * user sees it.
   */
  original?: { body?: string | undefined; data?: JsonObject | undefined } | undefined
  /**
   * The trace to which the message belongs (W3C Trace Context). The engine passes `traceparent` on in two places: in the `data` of the
   * webhook event `message.created`, and in `UnreadSenders`. It is no part of the content: a retry may have another `traceparent`.
   */
  traceparent?: string | undefined
}

/** Which messages of each inbox an app retains. If an inbox exceeds a limit, the engine deletes the oldest messages of the inbox. */
export interface Retention {
  /** The greatest number of messages. */
  messages: number
  /** About the greatest number of bytes of all messages together. The newest message is retained whatever its size. */
  bytes: number
  /** The greatest age of a message, in milliseconds. */
  age: number
}

/** A signal to a user. The caller has checked the sizes. */
export interface Signal {
  /** A user id, or null for the app's backend. */
  from: string | null
  name: string
  data?: JsonObject | undefined
  /** Milliseconds until the signal ends. */
  ttl: number
}

/** The app's rules for a message. */
export interface SendRules {
  /** Milliseconds for which the engine recognizes the message's id, so that a retry is safe. */
  sendWindow: number
  /** Sets the app's retention, as `Engine.configure` does. */
  retention: Retention
  /**
   * Whether the message creates a recipient who does not exist. If it creates none, the result is `unknown-user`. No message creates a
   * guest: only the start of the guest's session does.
   */
  unknownRecipients: boolean
  /**
   * Whether a sender who does not exist is created. For a client's message this is false: the sender was saved when the session started, so
   * a sender who is missing was deleted.
   */
  unknownSenders: boolean
  /**
   * A share of the recipient's retention, above 0 and at most 1. Once a sender's unread messages take more than this share, a message of
   * that sender is refused if it would push out an unread message of someone else. Messages from the backend have no such limit.
   */
  unreadPerSender: number
  /**
   * How many inboxes the app may have (see `AppUsage`), and about how many bytes of messages. `bytesPerSender`: about how many of these
   * bytes the messages of this sender may take in the inboxes of others; no limit by default. Messages that were sent without this limit
   * count, too.
   */
  quota: { inboxes: number; bytes: number; bytesPerSender?: number | undefined }
  /**
   * How many messages the sender may send in a second; undefined for no limit. An engine that several gateways share counts the sender's
   * messages at all gateways. An engine of one gateway ignores this limit: the gateway counts every message before it calls `send`.
   */
  messagesPerSecond?: number | undefined
  /** If the recipient has devices, the engine emits a `push-due` this many milliseconds after the message; undefined for no push. */
  pushAfter?: number | undefined
}

export type SendResult =
  | {
      outcome: 'stored' | 'repeated'
      /** The offset in the recipient's inbox. */
      offset: number
      /**
       * The offset of the sender's own copy, in the sender's inbox. It equals `offset` for a message to oneself. It is null for a message
       * from the backend, which has no inbox.
       */
      ownOffset: number | null
      sentAt: number
    }
  /**
   * `conflict`: the same id was sent with other content. `unknown-user`: the recipient or the sender does not exist. `full`: the app's
   * quota is used up. `refused`: the recipient has more unread messages of the sender than `unreadPerSender` allows, and this message would
   * push out an unread message of someone else. `over-share`: with this message the sender's messages would take more than
   * `bytesPerSender`.
   */
  | { outcome: 'conflict' | 'unknown-user' | 'full' | 'refused' | 'over-share' }
  /** Nothing is stored, because the sender has sent `messagesPerSecond` messages within a second. `retryAfter` is in milliseconds. */
  | { outcome: 'limited'; retryAfter: number }

export interface MessagePage extends InboxPage {
  /**
   * Whether retention has deleted messages between the given position and the first of `messages`. Also true if the inbox has another
   * epoch, or if the given offset is beyond the newest one.
   */
  lost: boolean
}
