import type { InboxState } from '../../../engine/index.js'

/** Returns the state of an inbox for an answer, without fields that an engine of the operator's own may add. */
export const inboxOf = ({ epoch, offset, readOffset, unread }: InboxState): InboxState => ({
  epoch,
  offset,
  readOffset,
  unread,
})
