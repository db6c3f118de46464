import type { UserRef } from '../engine/index.js'
import type { LiveSession } from './live-session.js'

/** The live sessions of this gateway, by user. */
export interface Hub {
  add(session: LiveSession): void
  remove(session: LiveSession): void
  /** The user's sessions, as they are now. */
  of(user: UserRef): readonly LiveSession[]
}

const keyOf = ({ appId, userId }: UserRef): string => `${appId}\0${userId}`

export const createHub = (): Hub => {
  // Most users have one session: an array weighs less than a Set for each of them.
  const users = new Map<string, readonly LiveSession[]>()
  const of = (user: UserRef): readonly LiveSession[] => users.get(keyOf(user)) ?? []
  return {
    of,
    add(session) {
      users.set(keyOf(session.ref), [...of(session.ref), session])
    },
    remove(session) {
      const others = of(session.ref).filter((other) => other !== session)
      if (others.length) users.set(keyOf(session.ref), others)
      else users.delete(keyOf(session.ref))
    },
  }
}
