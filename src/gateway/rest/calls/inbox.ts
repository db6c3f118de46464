import type { InboxState } from '../../../engine/index.js'

/** Returns the state of an inbox for an answer. It leaves out further fields that an operator's own engine may return. */
export const inboxOf = ({ epoch, offset, readOffset, unread }: InboxState): InboxState => ({
  epoch,
  offset,
  readOffset,
  unread,
})
