import type { SendArgs, SenderReply, SendReply } from './send.js'
import type { UserFields } from './users.js'
import type { Call, InboxReply, Maybe, Numeric } from './values.js'

/**
 * A message that an earlier master had stored: the number of its inbox's epoch then, its offset, and the message. `from` is empty for the
 * backend. `words` are the rules, in the form in which `rulesOf` reads them. `traceparent` is that of `SendArgs`. `record` is the value of
 * the hashed key, which is kept for the `window` of the rules. If the script also makes the sender's own copy, the last three are what the
 * names of the sender's keys begin with, the number of the epoch of the sender's inbox, and the offset of the own copy. Else `senderPrefix`
 * is empty.
 */
export type RestoreArgs = [
  epoch: Numeric,
  offset: Numeric,
  json: string,
  from: string,
  to: string,
  words: string,
  traceparent: string,
  record: string,
  senderPrefix: string,
  ownEpoch: Numeric,
  ownOffset: Numeric,
]

/** 1 if the message needs nothing more; 0 if inboxes lack messages before this one, or have other messages at these offsets. */
type RestoreReply = [isDone: 0 | 1]

/** A message of an adopted guest: its offset in the guest's inbox, the message, the bytes that it takes there, and when it was stored. */
export type AdoptedMessage = [offset: number, json: string, size: number, storedAt: number, isRead: 0 | 1]

/** Such a message as the user gets it. `from` is empty for the backend. */
export interface MovedMessage {
  /** The offset in the guest's inbox, and the bytes that the message takes there. */
  readonly offset: number
  readonly size: number
  readonly json: string
  /** When the message was stored. */
  readonly at: number
  readonly isRead: boolean
  readonly from: string
  readonly to: string
}

/** Messages of an adopted guest, who had `messages` of them. */
export interface MovedMessages {
  readonly guest: string
  readonly messages: number
  /** How many messages the guest's inbox still has, including those in `moved`, and their bytes; missing if no later call may append any. */
  readonly left: { readonly messages: number; readonly bytes: number } | undefined
  /** The move may lengthen a message by as many bytes. */
  readonly growth: number
  readonly moved: readonly MovedMessage[]
}

/** A user with a digest, and the state of the inbox. */
export type UserState = [digest: string, ...fields: UserFields, ...inbox: InboxReply]

/** The steps of messages and inboxes. An `epoch` is the number of an epoch. Messages are JSON. */
export interface MessageCalls {
  send: Call<SendArgs, SendReply>
  /** `perSecond` is how many messages the sender may send in a second (missing for no limit). */
  readSender: Call<[perSecond: Maybe<number>, callId: string], SenderReply>
  /** Returns how many bytes a sender's messages take in the inboxes of others in a partition. */
  readHeld: Call<[from: string], [bytes: string | null]>
  restoreMessage: Call<RestoreArgs, RestoreReply>
  /**
   * `fromDeletions` is how many inboxes of the sender were deleted before the message was sent. It is missing for a user who has adopted
   * the sender: then `adopterCreatedAt` is when that user was created. The key `own` is kept for `keptFor` milliseconds. `messages` and
   * `bytes` are those of the retention. Returns the own copy's place (0 and 0 if there is no own copy); or the user who has adopted the
   * sender.
   */
  makeOwnCopy: Call<
    [
      json: string,
      to: string,
      fromDeletions: Maybe<number>,
      keptFor: number,
      messages: number,
      bytes: number,
      adopterCreatedAt: Maybe<number>,
    ],
    [outcome: 'copied', offset: number, epoch: number] | [outcome: 'adopted', by: string, createdAt: number]
  >
  ownCopyMade: Call<[note: string], [number]>
  /** Returns for each own copy the app's id, NUL, and a `Note` of `OwnCopies` as JSON. */
  pendingOwnCopies: Call<[age: number], string[]>

  /**
   * `userId` is the user who adopts. `createdAt` is when the guest was created, as the caller knows it (missing if the backend adopts), and
   * `issuedAt` when the guest's credential was issued, if that is known. `age` is that of the retention. Returns how many messages the
   * guest had; -1 if this user can't adopt the guest.
   */
  adoptGuest: Call<
    [userId: string, userCreatedAt: number, createdAt: Maybe<number>, issuedAt: Maybe<number>, age: number],
    [messages: number]
  >
  /**
   * Returns the user who has adopted the guest; when that user was created; how many messages the guest had; how many of these the guest's
   * inbox still has, including the returned ones; and the bytes that they take. `isMoving` is 0 if no messages are to be moved.
   */
  readAdopted: Call<
    [limit: number],
    | [
        isMoving: 1,
        by: string,
        byCreatedAt: number,
        messages: number,
        left: number,
        leftBytes: number,
        ...found: AdoptedMessage[],
      ]
    | [isMoving: 0]
  >
  /**
   * `createdAt` is when the user was created. The next three are the retention. `moved` are `MovedMessages` as JSON. `isKept` is 0 if the
   * user was deleted.
   */
  appendAdopted: Call<
    [createdAt: number, maxMessages: number, maxBytes: number, age: number, moved: string],
    [isKept: 0 | 1]
  >
  /** `last` is the offset of the last message that `appendAdopted` has appended or left out; missing for all messages. */
  dropAdopted: Call<[last: Maybe<number>], [hasMore: 0 | 1]>
  endAdopted: Call<[keptFor: number], [number]>

  newestOffsets: Call<[users: number], [epoch: number, offset: number][]>
  readStates: Call<[users: number], UserState[]>
  /**
   * `offset` is that of the position after which the messages come, or the one before which they come (missing for the newest messages).
   * For messages after a position, `epoch` is its epoch, or `any` for the epoch that the inbox has. The oldest message comes first.
   * `isLost` says whether messages after the position are gone, or it is of another epoch or beyond the newest offset.
   */
  readInbox: Call<
    [limit: number, offset: Maybe<number>, epoch: Maybe<number | 'any'>],
    [messages: string[], isLost: 0 | 1, ...inbox: InboxReply]
  >
  /**
   * The caller knows `epoch`, and the peers up to the offset `known`. The script reads at most `most` items of `peerLog`. With `leavesOut`
   * the unread counts leave out the messages of these items. The first `offsetCount` of `asked` are offsets of messages to read. The others
   * are peers whose unread counts the caller asks for: null for the backend. Returns the oldest offset; whether the caller knows another
   * epoch or inbox; the last offset whose item was read; the items, separated by NUL; the messages, with an empty text for one that the
   * inbox lacks; and for each peer the number of unread messages, and the offset of the mark.
   */
  inboxPeers: Call<
    [
      epoch: number,
      known: number,
      most: number,
      leavesOut: boolean,
      offsetCount: number,
      ...asked: (number | string | null)[],
    ],
    [
      ...inbox: InboxReply,
      first: number,
      isOther: 0 | 1,
      to: number,
      items: string,
      messages: string[],
      peers: [unread: number, mark: number][],
    ]
  >
  /**
   * With `peer` and the arguments after it, only the messages of that peer are marked: null is the backend. `known` is the last offset
   * whose peer the caller knows, and `newest` the offset of the newest message with the peer up to there, 0 if there is none.
   * `isComparable` is 0 if the inbox has another epoch. `unread` and `readOffset` are the peer's.
   */
  markRead: Call<
    [epoch: number, offset: number, peer?: string | null, known?: number, newest?: number],
    | [isComparable: 1, isUnfinished: 0 | 1, unread: number, readOffset: number, ...inbox: InboxReply]
    | [isComparable: 0]
  >
  /** `age` is the greatest age of a message. `messages` and `bytes` are those of the retention (missing for no limit). */
  expireInbox: Call<[age: number, messages?: number, bytes?: number], [isUnfinished: 0 | 1]>
  /** Returns the ids of users. */
  listAging: Call<[age: number, limit: number], string[]>
}
