import type { EngineEvent, UserRef } from '../../engine/index.js'

/** A session of this gateway that receives the engine's events about its user. */
export interface HubSession {
  readonly user: UserRef
  onEvent(event: EngineEvent): void
}

/** The sessions of this gateway, by user. */
export interface Hub {
  add(session: HubSession): void
  remove(session: HubSession): void
  /** Returns the user's sessions, as they are now. */
  sessionsOf(user: UserRef): readonly HubSession[]
  /** Returns how many sessions there are. */
  size(): number
  /** Calls `onEvent` of the sessions of the event's user. */
  dispatch(event: EngineEvent): void
}

const keyOf = ({ appId, userId }: UserRef): string => `${appId}\0${userId}`

/** Returns the event's user; undefined for an event about an app. */
const userOf = (event: EngineEvent): UserRef | undefined => {
  switch (event.type) {
    case 'session-ended':
    case 'connection-replaced':
    case 'reauth':
      return event.session
    case 'user-changed':
    case 'message':
    case 'read':
      return event.user
    case 'webhooks-due':
      return undefined
  }
}

export const createHub = (): Hub => {
  // An array, since most users have one session: a Set for each of them takes more memory.
  const users = new Map<string, readonly HubSession[]>()
  const sessionsOf = (user: UserRef): readonly HubSession[] => users.get(keyOf(user)) ?? []
  let size = 0
  return {
    sessionsOf,
    size: () => size,
    add(session) {
      size += 1
      users.set(keyOf(session.user), [...sessionsOf(session.user), session])
    },
    remove(session) {
      size -= 1
      const others = sessionsOf(session.user).filter((other) => other !== session)
      if (others.length) users.set(keyOf(session.user), others)
      else users.delete(keyOf(session.user))
    },
    dispatch(event) {
      const user = userOf(event)
      if (user) for (const session of sessionsOf(user)) session.onEvent(event)
    },
  }
}
