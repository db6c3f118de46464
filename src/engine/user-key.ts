import type { UserRef } from './records.js'

/**
 * Returns the key of a user in a table in memory. Several tables are searched for a message's users by the same text, because V8 computes
 * the hash of a text once.
 */
export const userKey = ({ appId, userId }: UserRef): string => `${appId}\0${userId}`
