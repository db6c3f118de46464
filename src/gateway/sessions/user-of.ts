import { mergeProfile, type UserRecord } from '../../engine/index.js'
import type { User } from '../../protocol/index.js'

/** Returns a user with the profile that others see. */
export const userOf = (record: UserRecord): User => Object.assign(mergeProfile(record), { id: record.userId })
