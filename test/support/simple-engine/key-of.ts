import type { UserRef } from '../../../src/engine/index.js'

/** Returns the key of a user in a table. */
export const keyOf = ({ appId, userId }: UserRef): string => JSON.stringify([appId, userId])
