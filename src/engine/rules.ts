const SECOND = 1_000
const HOUR = 3_600 * SECOND
const DAY = 24 * HOUR

/**
 * The numbers and field names that every engine of this package obeys.
 */
export const engineRules = {
  /** Milliseconds from the loss of a session's connection until the session no longer makes its user online. */
  offlineAfter: 20 * SECOND,
  /** Milliseconds for which a guest without a session and without messages is kept, so that a session can start. */
  guestStartTimeout: 30 * SECOND,
  /**
   * The order in which sessions end if a user has too many: first those in which the first of these fields is set, then those in which the
   * second is set, then the rest. Among sessions with the same field, the session with the smallest number in that field ends first. The
   * third field is set in every session.
   */
  makesRoom: ['detached', 'hiddenSince', 'number'],

  /** Bytes that a stored message takes besides its JSON: its key, and the numbers in its row. */
  messageOverhead: 100,
  /** The share of an app's bytes that the messages of one sender may take in the inboxes of others, if a client sends them. */
  senderShare: 0.1,
  /** The share is at least this many bytes, so the largest message fits even if the app's quota is small. */
  minSenderBytes: 65_536,
  /** The fields of `Retention` to which `SendRules.unreadPerSender` applies. */
  sharedLimits: ['messages', 'bytes'],
  /**
   * The time between two searches for expired messages, as a share of the retention's `age`. The next two rules bound this time, in
   * milliseconds.
   */
  expirySearchRatio: 1 / 32,
  minExpirySearchInterval: SECOND,
  maxExpirySearchInterval: HOUR,

  /** The greatest number of messages in a webhook event `message.unread`, which has the newest unread ones. */
  reportedUnread: 5,
  /**
   * The search for the messages of a `message.unread` begins after the inbox's read mark. It reads at most this many of the oldest
   * messages, and this many of the newest. A search without this limit could take long, because perhaps most messages are the user's own,
   * which do not count.
   */
  searchedForUnread: 64,
  /** The most failed webhook events of an app that are kept. The Redis engine divides this number among its partitions. */
  maxFailedEvents: 10_000,
  /** Bytes that a pending webhook event takes besides its data: its ids, its keys, and its place in the queue. */
  eventOverhead: 300,
  /** If a user has at least this many pending webhook events, events about presence cancel each other (see `WebhookQueue`). */
  eventsBehind: 8,

  /** How many devices with a push subscription a user may have. */
  pushDevices: 10,
  /** Milliseconds for which a device is kept without a renewal. */
  pushKeptFor: 60 * DAY,
  /** Milliseconds after which `push-due` is emitted again if no `endPushes` follows, for example because the gateway has crashed. */
  pushLease: 30 * SECOND,

  /**
   * The longest time, in milliseconds, that a call of `startSession` can be on its way to the engine's data. The Redis engine remembers for
   * this time which late starts it must refuse.
   */
  startTimeout: 60 * SECOND,
  /** Milliseconds for which the revocation of a token is kept if the token's expiry is not known. */
  tokenKeptFor: 400 * DAY,
  /**
   * Milliseconds for which the revocation of a token is kept after the token has expired. It must outlive a device that was stored with the
   * token, which is kept for `pushKeptFor`, 60 days. The further day is for clocks that differ.
   */
  tokenMargin: 61 * DAY,
} as const

/** Returns the milliseconds between two searches of an app for messages that are older than `age`. */
export const expirySearchInterval = (age: number): number => {
  const { expirySearchRatio, minExpirySearchInterval, maxExpirySearchInterval } = engineRules
  return Math.min(Math.max(age * expirySearchRatio, minExpirySearchInterval), maxExpirySearchInterval)
}
