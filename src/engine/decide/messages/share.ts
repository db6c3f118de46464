import type { Retention } from '../../inbox-records.js'
import { engineRules } from '../../rules.js'

/** Who has sent a message, and its bytes. */
export interface Sized {
  readonly from: string | null
  readonly size: number
}

/**
 * Returns whether a sender's unread messages take more than the `share` of an inbox. Then a further message of the sender may not push
 * out an unread message of someone else.
 */
export const exceedsShare = (
  unread: Pick<Retention, 'messages' | 'bytes'>,
  share: number,
  retention: Pick<Retention, 'messages' | 'bytes'>,
): boolean => engineRules.sharedLimits.some((limit) => unread[limit] > share * retention[limit])

/**
 * Returns whether a message of `size` bytes exceeds the `limit` of bytes that its sender's messages may take in the inboxes of others.
 * They take `held` bytes there now. The sender's own messages that the new one pushes out make room for it.
 */
export const exceedsBytes = (
  held: number,
  size: number,
  limit: number | undefined,
  from: string,
  pushedOut: Iterable<Sized>,
): boolean => {
  let bytes = held + size
  if (limit === undefined || bytes <= limit) return false
  for (const each of pushedOut) if (each.from === from) bytes -= each.size
  return bytes > limit
}
