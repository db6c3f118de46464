import type { EngineEvent, UserRef } from '../../engine/index.js'

/** Somebody on this gateway whom signals about a user concern. */
export interface HubSession {
  readonly of: UserRef
  onEvent(event: EngineEvent): void
}

/** The sessions of this gateway, by user. */
export interface Hub {
  add(session: HubSession): void
  remove(session: HubSession): void
  /** The user's sessions, as they are now. */
  of(user: UserRef): readonly HubSession[]
  /** Tells a signal to the sessions of the user it is about. */
  dispatch(event: EngineEvent): void
}

const keyOf = ({ appId, userId }: UserRef): string => `${appId}\0${userId}`

const userOf = (event: EngineEvent): UserRef => ('user' in event ? event.user : event.session)

export const createHub = (): Hub => {
  // Most users have one session: an array weighs less than a Set for each of them.
  const users = new Map<string, readonly HubSession[]>()
  const of = (user: UserRef): readonly HubSession[] => users.get(keyOf(user)) ?? []
  return {
    of,
    add(session) {
      users.set(keyOf(session.of), [...of(session.of), session])
    },
    remove(session) {
      const others = of(session.of).filter((other) => other !== session)
      if (others.length) users.set(keyOf(session.of), others)
      else users.delete(keyOf(session.of))
    },
    dispatch(event) {
      for (const session of of(userOf(event))) session.onEvent(event)
    },
  }
}
