import type { InboxState } from '../../../engine/index.js'

/** Returns the state of an inbox for an answer, without other fields that an operator's own engine may have added. */
export const inboxOf = ({ epoch, offset, readOffset, unread }: InboxState): InboxState => ({
  epoch,
  offset,
  readOffset,
  unread,
})
