import { isDeepStrictEqual } from 'node:util'
import {
  mergeProfile,
  type Admission,
  type AdmissionRefusal,
  type SavedUser,
  type UserChange,
  type UserRecord,
  type UserRef,
} from '../../../src/engine/index.js'
import { limits, type JsonObject, type Profile } from '../../../src/protocol/index.js'
import { keyOf } from './key-of.js'

interface UsersContext {
  addEvent: (of: UserRef, type: 'user.created' | 'user.updated' | 'user.deleted', data: JsonObject) => unknown
  /** Called when the profile of a user who existed has changed. */
  onChanged: (user: UserRecord) => void
}

/** The users of the simple engine, in Maps. */
export const createSimpleUsers = ({ addEvent, onChanged }: UsersContext) => {
  const users = new Map<string, UserRecord>()
  const guests = new Set<string>()

  const get = (of: UserRef): UserRecord | undefined => users.get(keyOf(of))
  const inApp = (appId: string): UserRecord[] => [...users.values()].filter((user) => user.appId === appId)
  const guestsInApp = (appId: string): UserRecord[] => inApp(appId).filter((user) => guests.has(keyOf(user)))

  const save = ({ appId, userId }: UserRef, change: UserChange): SavedUser => {
    const before = get({ appId, userId })
    const { vouched, claimed } = JSON.parse(JSON.stringify(change)) as UserChange
    const user: UserRecord = structuredClone(
      before ?? { appId, userId, vouched: {}, vouchedAt: null, claimed: {}, createdAt: Date.now() },
    )
    const { issuedAt = null, profile = {}, byBackend = false } = vouched ?? {}
    const isFirst = user.vouchedAt === null && Object.keys(user.vouched).length === 0
    if (vouched && (isFirst || (issuedAt !== null && issuedAt >= (user.vouchedAt ?? 0))))
      Object.assign(user, { vouched: profile, vouchedAt: issuedAt, ...(byBackend && { setAt: issuedAt }) })
    const fits = (more: Profile): boolean =>
      Buffer.byteLength(JSON.stringify({ ...user.claimed, ...more, ...user.vouched })) <= limits.profile
    if (claimed && fits(claimed)) Object.assign(user.claimed, claimed)
    else if (!fits({})) user.claimed = {}
    const changed = !isDeepStrictEqual(
      [user.vouched, user.claimed],
      before && [before.vouched, before.claimed],
    )
    users.set(keyOf(user), user)
    const data = {
      user: { ...mergeProfile(user), id: userId } as JsonObject,
      guest: userId.startsWith('guest:'),
    }
    if (!before) addEvent(user, 'user.created', data)
    else if (changed) addEvent(user, 'user.updated', data)
    if (before && changed) onChanged(structuredClone(user))
    return { user: structuredClone(user), created: !before, changed }
  }

  return {
    clear() {
      users.clear()
      guests.clear()
    },
    get,
    save,
    /** Saves the user of a start. `isRevoked` says whether the credential is. */
    admit(
      of: UserRef,
      change: UserChange,
      { maxGuests, mustBeNew, createdAt }: Admission,
      isRevoked: boolean,
    ): SavedUser | AdmissionRefusal {
      const stored = get(of)
      if (isRevoked) return 'revoked'
      if (mustBeNew && stored) return 'exists'
      if (createdAt !== undefined && stored?.createdAt !== createdAt) return 'gone'
      if (maxGuests !== null && !stored && guestsInApp(of.appId).length >= maxGuests) return 'full'
      if (maxGuests !== null) guests.add(keyOf(of))
      return save(of, change)
    },
    isGuest: (of: UserRef): boolean => guests.has(keyOf(of)),
    /** Deletes a guest without an event. */
    forget(of: UserRef): void {
      guests.delete(keyOf(of))
      users.delete(keyOf(of))
    },
    /** Returns whether the user existed. */
    delete(of: UserRef): boolean {
      guests.delete(keyOf(of))
      const existed = users.delete(keyOf(of))
      if (existed) addEvent(of, 'user.deleted', {})
      return existed
    },
    after(appId: string, after: string | null, limit: number): UserRecord[] {
      const inOrder = inApp(appId).sort((a, b) => (a.userId < b.userId ? -1 : 1))
      return structuredClone(inOrder.filter(({ userId }) => after === null || userId > after).slice(0, limit))
    },
    usage: (appId: string) => ({ users: inApp(appId).length, guests: guestsInApp(appId).length }),
  }
}
