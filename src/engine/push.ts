import type { Message } from '../protocol/index.js'
import type { InboxState } from './inbox-records.js'
import type { Credential, UserRef } from './records.js'

/** What a browser says of its subscription to a push service (W3C Push API). */
export interface PushSubscriptionData {
  /** The URL of the push service that reaches the device. It is a secret of the device. */
  endpoint: string
  /** When the push service ends the subscription (Unix, milliseconds); null if it never does. */
  expirationTime: number | null
  /** The device's public key and its authentication secret, in Base64url. */
  keys: { p256dh: string; auth: string }
}

/** A device that can be reached while no page is open. Times are Unix times, in milliseconds. */
export interface PushDevice extends PushSubscriptionData {
  /** The first 22 characters of the endpoint's SHA-256 in Base64url, which do not reveal it. Unique in an app. */
  id: string
  /** The credential of the session that brought the subscription. */
  credential: Credential
  createdAt: number
  /** When a session brought the subscription last. */
  renewedAt: number
  /** When the push service took a push last; null if it never did. */
  lastSuccessAt: number | null
  /** No message up to this offset is pushed to the device any more. */
  offset: number
  /** How many pushes failed since one succeeded, and when the next may be tried. */
  failures: number
  retryAt: number
}

/** What came of a push to a device. */
export interface PushOutcome {
  /** The device's id. */
  id: string
  /** No message up to this offset is pushed to the device any more. It does not go back while the inbox has as many messages. */
  offset?: number | undefined
  /**
   * `failed` counts a failure. `delivered` sets `lastSuccessAt`, and counts failures from 0 on again; `given-up` does only the latter.
   * `gone` ends the subscription.
   */
  result?: 'delivered' | 'failed' | 'given-up' | 'gone' | undefined
  /** For `failed`: milliseconds until the next try. */
  retryIn?: number | undefined
  /** The data of a `push.failed` that the engine adds in the same step. */
  report?: { host: string; status: number | null; error: string } | undefined
}

/** The newest unread message of each of some senders, the oldest message first. */
export interface UnreadSenders {
  inbox: InboxState
  messages: (Message & {
    /** The `traceparent` that the message was sent with, if `SendRules.pushAfter` was set then. */
    traceparent?: string | undefined
  })[]
}

/**
 * The devices that reach users while no page is open, and when there may be something to push. The engine keeps both. The gateway decides
 * what is pushed, and pushes it.
 *
 * An engine ends a subscription when its user is deleted or adopted, `engineRules.pushKeptFor` milliseconds after its last renewal, at its
 * `expirationTime`, and when its credential is revoked.
 */
export interface EnginePush {
  /**
   * Stores or renews a subscription, durably. A new one has the inbox's newest offset, so that nothing older is pushed. Resolves with false,
   * and changes nothing, if the endpoint is another user's with other keys, or if there is no such user. With the same keys it becomes this user's. If the user has more than
   * `engineRules.pushDevices`, those that were renewed the longest time ago end.
   */
  savePushDevice(of: UserRef, subscription: PushSubscriptionData, credential: Credential): Promise<boolean>

  /** Ends a subscription, durably. Resolves with false if the user has none with this id. */
  endPushDevice(of: UserRef, id: string): Promise<boolean>

  /** The user's devices, those that were renewed last first. */
  pushDevices(of: UserRef): Promise<PushDevice[]>

  /**
   * Up to `limit` senders with an unread message after an offset, those whose newest unread message is the oldest first. Messages of the
   * user and messages of an adopted guest do not count. An offset beyond the newest message is of an earlier epoch, and counts as 0.
   */
  unreadSenders(of: UserRef, after: number, limit: number): Promise<UnreadSenders>

  /**
   * A visible page of the user was sent the messages up to `offset`: they are not pushed. If there are no newer messages, nothing is due
   * any more. Does nothing for a user without devices.
   */
  seenOnPage(of: UserRef, offset: number): Promise<void>

  /**
   * Stores what came of pushes. `through` is the newest offset of the inbox that the caller has looked at. The user's next `push-due` comes
   * in `dueIn` milliseconds, or earlier if a message has come since; with null it comes only if one has, or with the next message. Does
   * nothing for a user without devices, and ignores outcomes of devices that ended meanwhile.
   */
  endPushes(
    of: UserRef,
    outcomes: readonly PushOutcome[],
    through: number,
    dueIn: number | null,
  ): Promise<void>
}
