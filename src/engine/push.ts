import type { Message } from '../protocol/index.js'
import type { InboxState } from './inbox-records.js'
import type { Credential, UserRef } from './records.js'

/** A browser's subscription at a push service (W3C Push API). */
export interface PushSubscriptionData {
  /** The URL at the push service to which pushes for the device are sent. It is a secret. */
  endpoint: string
  /** When the push service ends the subscription (Unix, milliseconds); null if it never does. */
  expirationTime: number | null
  /** The device's public key and its authentication secret, in Base64url. */
  keys: { p256dh: string; auth: string }
  /**
   * The app's key (`pushKey`) that the client was told before it subscribed. The push service takes only pushes that are signed with it.
   * Absent if it is not known.
   */
  pushKey?: string | undefined
}

/**
 * A device with a push subscription, to which the gateway pushes messages while no page of the user is visible. Times are Unix times, in
 * milliseconds.
 */
export interface PushDevice extends PushSubscriptionData {
  /** The first 22 characters of the endpoint's SHA-256 in Base64url. They do not reveal the endpoint, and are unique in an app. */
  id: string
  /** The credential of the session whose client sent the subscription. */
  credential: Credential
  createdAt: number
  /** When a client last sent the subscription. */
  renewedAt: number
  /** When the push service last accepted a push; null if it never did. */
  lastSuccessAt: number | null
  /** Messages up to this offset are no longer pushed to the device. */
  offset: number
  /** How many pushes failed since the last push that was delivered or given up. */
  failures: number
  /** When the next push may be tried; 0 if it may be tried at once. */
  retryAt: number
}

/** The outcome of a push to a device. */
export interface PushOutcome {
  /** The device's id. */
  id: string
  /**
   * Messages up to this offset are no longer pushed to the device. The stored offset does not decrease, unless it belongs to an earlier
   * epoch.
   */
  offset?: number | undefined
  /**
   * `failed` counts a failure. `delivered` sets `lastSuccessAt`, and resets the count of failures. `given-up` only resets the count. `gone`
   * ends the subscription.
   */
  result?: 'delivered' | 'failed' | 'given-up' | 'gone' | undefined
  /** For `failed`: milliseconds until the next try. */
  retryIn?: number | undefined
  /** If this is set, the engine adds a webhook event `push.failed` with these data, in the write that stores the outcome. */
  report?: { host: string; status: number | null; error: string } | undefined
}

/** The newest unread message of each sender that `unreadSenders` has found. The oldest of these messages comes first. */
export interface UnreadSenders {
  inbox: InboxState
  messages: (Message & {
    /** The `traceparent` with which the message was sent, if `SendRules.pushAfter` was set. */
    traceparent?: string | undefined
  })[]
}

/**
 * The push subscriptions of users' devices, and the times at which messages may have to be pushed. The engine stores both. The gateway
 * decides which messages are pushed, and sends the pushes.
 *
 * An engine ends a subscription in four cases: when its user is deleted or adopted; when its credential is revoked; at its
 * `expirationTime`; and when `engineRules.pushKeptFor` milliseconds have passed since its last renewal.
 */
export interface EnginePush {
  /**
   * Stores or renews a subscription, durably. A new subscription gets the inbox's newest offset, so that no older message is pushed. If
   * another user has a device with this endpoint and these keys, the device passes to this user. If another user has a device with this
   * endpoint and other keys, or if this user does not exist, the call resolves with false and changes nothing. If the user has more than
   * `engineRules.pushDevices` devices, the engine ends those that were renewed the longest time ago.
   */
  savePushDevice(of: UserRef, subscription: PushSubscriptionData, credential: Credential): Promise<boolean>

  /** Ends a subscription, durably. Resolves with false if the user has none with this id. */
  endPushDevice(of: UserRef, id: string): Promise<boolean>

  /** Resolves with the user's devices. The one that was renewed last comes first. */
  pushDevices(of: UserRef): Promise<PushDevice[]>

  /**
   * Resolves with up to `limit` senders who have an unread message after an offset, each with the newest unread message. The oldest of
   * these messages comes first. The user's own messages and messages of an adopted guest do not count. An offset beyond the newest message
   * belongs to an earlier epoch, and counts as 0.
   */
  unreadSenders(of: UserRef, after: number, limit: number): Promise<UnreadSenders>

  /**
   * Called when the messages up to `offset` were sent to a visible page of the user, so that they are not pushed. If the inbox has no newer
   * messages, the engine cancels the user's next event `push-due`. Does nothing for a user without devices.
   */
  seenOnPage(of: UserRef, offset: number): Promise<void>

  /**
   * Stores the outcomes of pushes. `through` is the newest offset of the inbox that the caller has seen. The user's next `push-due` is
   * emitted in `dueIn` milliseconds, or earlier if a message beyond `through` has come. If `dueIn` is null, only a message beyond `through`
   * causes a `push-due`. Does nothing for a user without devices, and ignores outcomes of devices that ended meanwhile.
   */
  endPushes(
    of: UserRef,
    outcomes: readonly PushOutcome[],
    through: number,
    dueIn: number | null,
  ): Promise<void>
}
