import { isDeepStrictEqual } from 'node:util'
import { isGuestId, limits, type JsonObject, type Message, type Profile } from '../../../protocol/index.js'
import {
  mergeProfile,
  type Admission,
  type UserChange,
  type UserRecord,
  type UserRef,
} from '../../records.js'

/** Returns a copy of a profile without undefined fields, as a later read will return it. */
const toStored = (profile: Profile | undefined): Profile =>
  profile ? (JSON.parse(JSON.stringify(profile)) as Profile) : {}

const profilesOf = (user: UserRecord): unknown => [user.vouched, user.claimed]

/** Returns the vouched fields of a user's record after a change. */
const vouchedAfter = (
  stored: UserRecord | null,
  change: UserChange['vouched'],
): Pick<UserRecord, 'vouched' | 'vouchedAt' | 'setAt'> => {
  const { vouched = {}, vouchedAt = null, setAt: lastSetAt } = stored ?? {}
  const isVouched = vouchedAt !== null || Object.keys(vouched).length > 0
  const isNewer =
    change && (!isVouched || (change.issuedAt !== null && change.issuedAt >= (vouchedAt ?? -Infinity)))
  const setAt = isNewer && change.byBackend ? (change.issuedAt ?? lastSetAt) : lastSetAt
  return {
    ...(isNewer ? { vouched: change.profile, vouchedAt: change.issuedAt } : { vouched, vouchedAt }),
    ...(setAt !== undefined && { setAt }),
  }
}

/** Returns the claimed fields of a user's record after a change. See `UserChange`. */
const claimedAfter = (vouched: Profile, stored: Profile, change: Profile): Profile => {
  const fits = (claimed: Profile): boolean =>
    Object.keys(claimed).length === 0 ||
    Buffer.byteLength(JSON.stringify(mergeProfile({ vouched, claimed }))) <= limits.profile
  return [{ ...stored, ...change }, stored].find(fits) ?? {}
}

/** Returns a deep copy of a change, because the caller may alter its objects before the change is stored. */
export const copyChange = ({ vouched, claimed }: UserChange): UserChange => ({
  vouched: vouched && { ...vouched, profile: toStored(vouched.profile) },
  claimed: toStored(claimed),
})

/** Returns the user's record after a change. `createdAt` is used only if the user does not exist yet. */
export const userAfter = (
  { appId, userId }: UserRef,
  stored: UserRecord | null,
  change: UserChange,
  createdAt: number,
): UserRecord => {
  const { vouched, ...times } = vouchedAfter(stored, change.vouched)
  return {
    appId,
    userId,
    vouched,
    ...times,
    claimed: claimedAfter(vouched, stored?.claimed ?? {}, change.claimed ?? {}),
    createdAt: stored?.createdAt ?? createdAt,
  }
}

/** Whether a user's profile differs from the stored one. The order of fields makes no difference. */
export const hasChanged = (user: UserRecord, stored: UserRecord | null): boolean =>
  stored === null ||
  // Most saves change nothing, and comparing two texts is the fastest test of that.
  (JSON.stringify(user) !== JSON.stringify(stored) &&
    !isDeepStrictEqual(profilesOf(user), profilesOf(stored)))

/** Returns true if the change surely writes nothing. If this function returns false, `hasChanged` decides. */
export const changesNothing = (stored: UserRecord, { vouched, claimed }: UserChange): boolean =>
  claimed === undefined &&
  (vouched === undefined ||
    (vouched.issuedAt === stored.vouchedAt && isDeepStrictEqual(vouched.profile, stored.vouched)))

/** Returns the fields of a profile that messages carry. */
export const carriedOf = ({ name, photoUrl }: Profile): NonNullable<Message['sender']> => ({
  ...(name !== undefined && { name }),
  ...(photoUrl !== undefined && { photoUrl }),
})

/** Returns the part of the profile that messages of the user have; null if there is none. */
export const senderOf = (user: Pick<UserRecord, 'vouched' | 'claimed'>): Message['sender'] => {
  const sender = carriedOf(mergeProfile(user))
  return sender.name === undefined && sender.photoUrl === undefined ? null : sender
}

/** Returns why `admitUser` does not save the user, as far as the stored user decides that; undefined if it may save the user. */
export const refusalOf = (
  stored: UserRecord | null,
  { mustBeNew, createdAt }: Admission,
): 'exists' | 'gone' | undefined => {
  if (mustBeNew && stored) return 'exists'
  return createdAt !== undefined && stored?.createdAt !== createdAt ? 'gone' : undefined
}

/** Returns the data of a webhook event about a user. */
export const userEventData = (user: UserRecord): JsonObject => ({
  user: { ...mergeProfile(user), id: user.userId },
  guest: isGuestId(user.userId),
})
