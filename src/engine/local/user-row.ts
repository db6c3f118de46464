import type { Profile } from '../../protocol/index.js'
import type { UserRecord, UserRef } from '../engine.js'

/** A user in the store. The key has the ids, and an empty profile, which most users have, is left out. */
export interface StoredUser {
  vouched?: Profile | undefined
  vouchedAt?: number | undefined
  claimed?: Profile | undefined
  createdAt: number
}

const unlessEmpty = (profile: Profile): Profile | undefined =>
  Object.keys(profile).length > 0 ? profile : undefined

export const userRowOf = ({ vouched, vouchedAt, claimed, createdAt }: UserRecord): StoredUser => ({
  vouched: unlessEmpty(vouched),
  vouchedAt: vouchedAt ?? undefined,
  claimed: unlessEmpty(claimed),
  createdAt,
})

export const userOf = (
  { appId, userId }: UserRef,
  { vouched = {}, vouchedAt, claimed = {}, createdAt }: StoredUser,
): UserRecord => ({ appId, userId, vouched, vouchedAt: vouchedAt ?? null, claimed, createdAt })
