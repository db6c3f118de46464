import type { UserRef } from './records.js'

/**
 * Returns the key of a user in a table in memory. A send searches several tables with the same text, because V8 computes the hash of a text
 * only once.
 */
export const userKey = ({ appId, userId }: UserRef): string => `${appId}\0${userId}`
