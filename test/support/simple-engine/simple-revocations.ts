import type { Credential, UserRef } from '../../../src/engine/index.js'
import { keyOf } from './key-of.js'

/** The revocations of the simple engine, in Maps. */
export const createSimpleRevocations = () => {
  const users = new Map<string, number>()
  const apps = new Map<string, number>()
  const tokens = new Set<string>()

  /** Sets a time that never decreases. */
  const raise = (times: Map<string, number>, key: string, issuedBefore: number | null): number => {
    const before = Math.max(issuedBefore ?? Date.now(), times.get(key) ?? 0)
    times.set(key, before)
    return before
  }

  const revokedBefore = (of: UserRef): number | null => {
    const times = [users.get(keyOf(of)), apps.get(of.appId)].filter((time) => time !== undefined)
    return times.length > 0 ? Math.max(...times) : null
  }

  return {
    clear() {
      users.clear()
      apps.clear()
      tokens.clear()
    },
    revokedBefore,
    isRevoked(of: UserRef, { issuedAt, tokenId }: Credential): boolean {
      const before = revokedBefore(of)
      if (before !== null && (issuedAt === null || issuedAt <= before)) return true
      return tokenId !== null && tokens.has(JSON.stringify([of.appId, tokenId]))
    },
    /** Returns the time up to which the user's credentials are revoked. */
    revokeUser: (of: UserRef, issuedBefore: number | null): number =>
      Math.max(raise(users, keyOf(of), issuedBefore), apps.get(of.appId) ?? 0),
    /** Returns the time up to which the credentials of the app's users are revoked. */
    revokeApp: (appId: string, issuedBefore: number | null): number => raise(apps, appId, issuedBefore),
    revokeToken: (appId: string, tokenId: string): unknown => tokens.add(JSON.stringify([appId, tokenId])),
    lift: (of: UserRef): boolean => users.delete(keyOf(of)),
  }
}
