/*
 * What `send.lua` takes and returns, by name. Each name stands in one list: `prelude.ts` writes the lists into the script, in place of
 * `SEND_ARGS`, `AWAY_ARGS` and `SENT`.
 */

/** Arguments. All are texts, and empty where the comment says so. */
export const sendArgs = [
  /**
   * `none` (from the backend), `self` (to oneself), `here` (the sender is on this server), or `away` (the sender may be on another server, so
   * another step makes the own copy).
   */
  'mode',
  /** The sender; empty for the backend. */
  'from',
  /** What the names of the sender's keys begin with in the mode `here`; empty in other modes. */
  'senderPrefix',
  /** The message's JSON up to the sender's profile, and between the profile and the time. */
  'head',
  'middle',
  /** The digest of the content. */
  'digest',
  /** The rules, in the form in which `rules_of` reads them. */
  'words',
  /** What other partitions leave of the app's limits of inboxes and of bytes. */
  'maxInboxes',
  'maxBytes',
  /** How many messages the sender may send in a second; empty for no limit. */
  'perSecond',
  /** When the recipient was created; empty if the message is for whoever has the id. */
  'createdAt',
  /** How many bytes the sender's messages may take in the inboxes of others; empty for no limit. */
  'maxHeld',
  /** The member `traceparent` for `message.created` and for pushes, as JSON with a comma before it; empty if there is none. */
  'traceparent',
  /** The profile that the message carries, as JSON; empty for that of the sender's user, which the mode `away` has to give. */
  'profile',
] as const

/** Further arguments of the mode `away`. */
export const awayArgs = [
  /** How many inboxes of the sender were deleted. */
  'senderDeletions',
  /** `1` if the sender has no inbox yet. */
  'isNew',
  /** The own copy's field in `ownCopies`. */
  'note',
  /** The message's id. */
  'id',
  /** `1` if the sender does not exist. */
  'isMissing',
] as const

/** What `send.lua` returns after `stored` or `repeated`. */
export const sent = [
  /** The offset in the recipient's inbox, and that of the own copy; 0 if the step has made none. */
  'offset',
  'ownOffset',
  'sentAt',
  /** How many inboxes of the recipient were deleted. */
  'toDeletions',
  /** The message's JSON in the mode `away`, or if the argument `profile` is empty; else null. */
  'json',
  /** The number of the sender's epoch in the modes `here` and `self`, else 0; and that of the recipient's epoch. */
  'ownEpoch',
  'epoch',
  /** The value of the key `id`. */
  'found',
  /** 1 if an inbox still has messages beyond the retention. 0 after `repeated`. */
  'isBeyond',
  /** The bytes that `maxHeld` limits. 0 after `repeated`, and for a message to oneself. */
  'held',
] as const

export type Sent = Record<(typeof sent)[number], string | number | null>

export const sentOf = (reply: readonly unknown[]): Sent =>
  Object.fromEntries(sent.map((name, n) => [name, reply[n] ?? null])) as Sent
