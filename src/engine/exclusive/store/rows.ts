import type { SessionRef, UserRef } from '../../engine.js'
import {
  AFTER_SEPARATOR,
  afterRow,
  below,
  DIGITS,
  keyOf,
  lastOf,
  padded,
  SEPARATOR,
  timedRows,
} from './row-keys.js'
import type { Range } from './store.js'
import { webhookRows } from './webhook-rows.js'

export { keyOf, lastOf } from './row-keys.js'

/** The text with which the row of every idempotency key begins. */
const SENT = `sent${SEPARATOR}`

/**
 * Returns the group of a row: the key without its last part, or the same text for every idempotency key. No range that an engine reads has
 * rows of two groups.
 */
export const groupOf = (key: string): string =>
  key.startsWith(SENT) ? SENT : key.slice(0, Math.max(key.lastIndexOf(SEPARATOR), 0))

/** An inbox. A deletion of the user begins another inbox, whose messages have other keys. */
export interface InboxRef extends UserRef {
  deletions?: number
}

/** The keys of all rows in the store. */
export const rows = {
  key: 'key',
  /** The number of the format of all rows. */
  format: 'format',
  epoch: 'epoch',
  time: 'time',
  /** When the engine was last known to be open, by the wall clock. */
  openAt: 'open at',
  /** The number of the latest run: see `Core.run`. */
  run: 'run',
  /** Stored while the transfer of another engine's data into this store is unfinished. */
  unfinishedTransfer: 'unfinished transfer',
  user: ({ appId, userId }: UserRef) => `user\0${appId}\0${userId}`,
  /**
   * The ids are one part of the key, so that one range covers the guests of all apps. App ids have no spaces, so the first space ends the
   * app's id.
   */
  guest: ({ appId, userId }: UserRef) => `guest\0${appId} ${userId}`,
  guestsAfter: (row: string | undefined): Range => afterRow(below('guest'), row),
  guestOf: (row: string): UserRef => {
    const guest = lastOf(row)
    const end = guest.indexOf(' ')
    return { appId: guest.slice(0, end), userId: guest.slice(end + 1) }
  },
  adoption: ({ appId, userId }: UserRef) => `adoption\0${appId}\0${userId}`,
  /** An adopted guest. The row is kept until all messages of the guest have moved. */
  moving: ({ appId, userId }: UserRef) => `moving\0${appId}\0${userId}`,
  /** The `moving` rows of an app after a row; from the first one if `row` is undefined. */
  movingAfter: (appId: string, row: string | undefined): Range => afterRow(below('moving', appId), row),
  movingOf: (row: string): string => lastOf(row),
  session: ({ sessionId }: SessionRef) => keyOf('session', sessionId),
  allSessions: below('session'),
  /** The sessions after a row; from the first one if `row` is undefined. */
  sessionsAfter: (row: string | undefined): Range => afterRow(below('session'), row),
  inbox: ({ appId, userId }: UserRef) => `inbox\0${appId}\0${userId}`,
  /** The inboxes of an app after a row; from the first one if `row` is undefined. */
  inboxesAfter: (appId: string, row: string | undefined): Range => afterRow(below('inbox', appId), row),
  /** The key of a message. In later inboxes of a user it has `deleted`, which sorts after digits, so no range covers two inboxes. */
  message: (of: InboxRef, offset: number) => rows.messageIn(rows.messagePrefix(of), offset),
  messagePrefix: ({ appId, userId, deletions }: InboxRef) =>
    `message\0${appId}\0${userId}\0${deletions ? `deleted ${deletions}:` : ''}`,
  /** `prefix` is the result of `messagePrefix`. */
  messageIn: (prefix: string, offset: number) => prefix + padded(offset),
  /** Returns the offset at the end of the key of a message or a tally. */
  offsetOf: (row: string) => Number(row.slice(-DIGITS)),
  /** The messages of an inbox at offset `from` and later, before offset `to`. */
  messages: (of: InboxRef, from: number, to: number): Range => ({
    gte: rows.message(of, from),
    lt: rows.message(of, to),
  }),
  /** A tally of an inbox. `end` is the last offset of the tally. */
  tally: ({ appId, userId, deletions = 0 }: InboxRef, end: number) =>
    `tally\0${appId}\0${userId}\0${deletions}:${padded(end)}`,
  /** The tallies of an inbox whose last offset is `from` or later, and before `to`. */
  tallies: (of: InboxRef, from: number, to: number): Range => ({
    gte: rows.tally(of, from),
    lt: rows.tally(of, to),
  }),
  /** The read mark of a peer. If `peer` is null, the peer is the app's backend. */
  peerMark: ({ appId, userId, deletions = 0 }: InboxRef, peer: string | null) =>
    `mark\0${appId}\0${userId}\0${deletions}:${peer ?? ''}`,
  /** The read marks of an inbox's peers. `;` is the character after `:`, so the range covers all of them. */
  peerMarks: ({ appId, userId, deletions = 0 }: InboxRef): Range => ({
    gte: `mark\0${appId}\0${userId}\0${deletions}:`,
    lt: `mark\0${appId}\0${userId}\0${deletions};`,
  }),
  peerOfMark: (row: string): string | null => {
    const last = lastOf(row)
    return last.slice(last.indexOf(':') + 1) || null
  },
  usage: (appId: string) => keyOf('usage', appId),
  /** The users of an app after `userId`; from the first user if it is null. */
  usersAfter: (appId: string, userId: string | null): Range =>
    afterRow(below('user', appId), userId === null ? undefined : rows.user({ appId, userId })),
  lastSeen: ({ appId, userId }: UserRef) => keyOf('seen', appId, userId),
  check: 'check',
  /** The `PushRow` of a user who has devices. */
  pushDevices: ({ appId, userId }: UserRef) => keyOf('push', appId, userId),
  /** The owner of a device. */
  pushOwner: (appId: string, id: string) => keyOf('push owner', appId, id),
  /** Rows that say when the next `push-due` of a user is emitted. */
  pushes: timedRows('push due'),
  ...webhookRows,
  /** Which kinds of the next three rows there may be. */
  revocations: 'revocations',
  revokedApp: (appId: string) => keyOf('revoked app', appId),
  revokedUser: ({ appId, userId }: UserRef) => keyOf('revoked', appId, userId),
  /** The token's id comes last, because it may contain any character. */
  revokedToken: (appId: string, tokenId: string) => keyOf('revoked token', appId, tokenId),
  /** Says which messages of a deleted inbox a background job still has to delete. */
  deletedInbox: ({ appId, userId, deletions = 0 }: InboxRef) =>
    keyOf('deleted', `${appId} ${deletions} ${userId}`),
  allDeletedInboxes: below('deleted'),
  deletedInboxOf: (row: string): InboxRef => {
    const [appId = '', deletions = '', ...userId] = lastOf(row).split(' ')
    return { appId, userId: userId.join(' '), deletions: Number(deletions) }
  },
  /**
   * The message's id comes last, because it may contain any character. `join` makes one text. V8 would keep a template string as its parts,
   * which take 320 bytes of memory instead of 110.
   */
  idempotencyKey: ({ appId, from, to, id }: { appId: string; from: string | null; to: string; id: string }) =>
    keyOf('sent', appId, from ?? '', to, id),
  /** The idempotency keys after a row; from the first one if `row` is undefined. */
  idempotencyKeysAfter: (row: string | undefined): Range => ({
    // A message's id may end with any character, so the next row may be this row followed by a \0.
    gte: row === undefined ? SENT : row + SEPARATOR,
    lt: keyOf('sent') + AFTER_SEPARATOR,
  }),
  /** A row that lists other rows, which expire at `time`. `name` distinguishes such rows with the same time. */
  expiry: (time: number, name: string) => keyOf('until', padded(time) + name),
  expiriesBefore: (time: number): Range => ({ ...below('until'), lt: keyOf('until', padded(time)) }),
} as const
