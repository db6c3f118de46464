/*
 * When a user's unread messages are reported by `message.unread`. A streak of unread messages begins with the first message after the user
 * has read everything. It is reported once, when its oldest unread message is old enough.
 */

/** A check of an inbox: the first message of a streak, and how many inboxes of the user were deleted before. */
export type Check = readonly [offset: number, deletions: number]

/** The oldest unread message of an inbox. `at` is when it was stored. */
export interface OldestUnread {
  readonly offset: number
  readonly at: number
  readonly deletions: number
}

/**
 * Returns what a check at `now` leads to: a report, a later check, or nothing. If the message that began the streak was read, a later one
 * is the oldest, and perhaps not old enough. If none is unread, or all are of an earlier streak or inbox, there is nothing to report.
 */
export const afterCheck = (
  [offset, deletions]: Check,
  oldest: OldestUnread | null,
  unreadAfter: number,
  now: number,
): 'report' | 'nothing' | { at: number; check: Check } => {
  if (oldest?.deletions !== deletions || oldest.offset < offset) return 'nothing'
  const at = oldest.at + unreadAfter
  return at > now ? { at, check: [oldest.offset, deletions] } : 'report'
}

/**
 * Returns whether the oldest unread message needs a check when the app has asked for reports since `since`. If its streak began later, it
 * has a check. That check was perhaps made already; if it was not, a second one for the same time is the same row. A streak of the same
 * millisecond may have begun before: reported twice is better than never.
 */
export const needsCheck = (
  { at }: Pick<OldestUnread, 'at'>,
  since: number,
  unreadAfter: number,
  now: number,
): boolean => at <= since || now < since + unreadAfter
