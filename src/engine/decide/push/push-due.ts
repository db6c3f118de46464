/*
 * When there may be something to push to a user's devices. A time is null if nothing is due. A message makes a push due some time
 * after it was stored, so that a user who reads it on a page gets none.
 */

/** Returns when a push is due after a message to a user who has devices. `pushAfter` is in milliseconds. */
export const dueAfterMessage = (dueAt: number | null, now: number, pushAfter: number): number => {
  const at = Math.ceil(now + pushAfter)
  return Math.min(dueAt ?? at, at)
}

/**
 * Returns when a push is due after the caller has looked at the messages up to `through`, and asks for the time `asked`. A message that is
 * newer has set `dueAt`, which the caller does not know. Then the earlier of the two times counts.
 */
export const dueAfterLook = (
  dueAt: number | null,
  asked: number | null,
  newest: number,
  through: number,
): number | null => {
  if (newest <= through || dueAt === null) return asked
  return Math.min(asked ?? dueAt, dueAt)
}
