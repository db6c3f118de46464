import type { Maybe } from './values.js'

/** What `send` takes. */
export type SendArgs = readonly [
  /** The sender; empty for the backend. */
  from: string,
  /** What the names of the sender's keys begin with, if this step makes the own copy of a message to somebody else; else empty. */
  senderPrefix: string,
  /** The message's JSON up to the sender's profile, and between the profile and the time. */
  head: string,
  middle: string,
  /** The digest of the content. */
  digest: string,
  /** The rules, in the form in which `rulesOf` reads them. */
  words: string,
  /** What other partitions leave of the app's limits of inboxes and of bytes. */
  maxInboxes: number,
  maxBytes: number,
  /** How many messages the sender may send in a second; missing for no limit. */
  perSecond: Maybe<number>,
  /** When the recipient was created; missing if the message is for whoever has the id. */
  createdAt: Maybe<number>,
  /** How many bytes the sender's messages may take in the inboxes of others; missing for no limit. */
  maxHeld: Maybe<number>,
  /** The member `traceparent` for `message.created` and for pushes, as JSON with a comma before it; empty if there is none. */
  traceparent: string,
  /** The profile that the message carries, as JSON; missing for that of the sender's user, if the step reads that user. */
  profile: Maybe<string>,
  ...away: AwayArgs,
]

/** Further arguments of `send`, if another step makes the own copy: the sender's inbox may be on another server. Else they are missing. */
export type AwayArgs = readonly [
  /** How many inboxes of the sender were deleted. */
  senderDeletions?: Maybe<number>,
  /** 1 if the sender has no inbox yet. */
  isNew?: Maybe<0 | 1>,
  /** 1 if the sender does not exist. */
  isMissing?: Maybe<0 | 1>,
]

/** What `send` returns about a stored message. */
export type StoredReply = [
  outcome: 'stored' | 'repeated',
  /**
   * The value of the key `id`, separated by spaces: the digest; the offset; the offset of the own copy, 0 if the step has made none; when
   * the message was sent; and how many inboxes of the recipient and of the sender were deleted.
   */
  found: string,
  /** The numbers of the epochs of the recipient and of the sender; 0 if the step does not read the sender. */
  epoch: number,
  ownEpoch: number,
  /** The message's JSON if the caller lacks the profile or makes the own copy; else empty. */
  json: string,
  /** 1 if an inbox still has messages beyond the retention. 0 after `repeated`. */
  isBeyond: 0 | 1,
  /** The bytes that `maxHeld` limits. 0 after `repeated`, and for a message to oneself. */
  held: number,
]

/** What `send` returns: the outcome, and what belongs to it. */
export type SendReply =
  | StoredReply
  /** The message is only looked up, and its id is not stored. */
  | [outcome: 'not-sent']
  | [outcome: 'limited', retryAfter: number]
  /** The user who has adopted the recipient, and when that user was created. */
  | [outcome: 'adopted', by: string, createdAt: number]
  /** The caller may create the sender, and send the message again. */
  | [outcome: 'unknown-sender']
  | [outcome: 'conflict' | 'unknown-user' | 'refused' | 'over-share' | 'full']

/** What `readSender` returns: the milliseconds until the sender may send. If these are 0, also what `send` needs of the sender. */
export type SenderReply =
  | [retryAfter: number]
  | [
      retryAfter: number,
      /** The sender's profile as JSON. */
      profile: string,
      /** As in `AwayArgs`. */
      senderDeletions: number,
      isNew: 0 | 1,
      isMissing: 0 | 1,
    ]
