import type { EngineEvent, UserRef } from '../../engine/index.js'
import { Multimap } from '../../util/multimap.js'

/** A session of this gateway that receives the engine's events about its user. */
export interface HubSession {
  readonly user: UserRef
  onEvent(event: EngineEvent): void
}

/** Returns the event's user; undefined for an event that no session of the user receives. */
const userOf = (event: EngineEvent): UserRef | undefined => {
  switch (event.type) {
    case 'session-ended':
    case 'connection-replaced':
    case 'reauth':
      return event.session
    case 'user-changed':
    case 'message':
    case 'epoch-changed':
    case 'read':
    case 'signal':
      return event.user
    case 'webhooks-due':
    case 'webhook-dropped':
    case 'push-due':
    case 'lease-lost':
      return undefined
    // `Watchers` receives this event, and tells the sessions that watch the user.
    case 'presence':
      return undefined
  }
}

/** The sessions of this gateway, by user. */
export type Hub = ReturnType<typeof createHub>

export const createHub = () => {
  /** The sessions by app, and then by user id. A key of both would cost a new string for each event. */
  const apps = new Map<string, Multimap<HubSession>>()
  let size = 0
  return {
    /** Returns how many sessions there are. */
    size: (): number => size,
    add(session: HubSession): void {
      size += 1
      const { appId, userId } = session.user
      let users = apps.get(appId)
      if (!users) apps.set(appId, (users = new Multimap()))
      users.add(userId, session)
    },
    remove(session: HubSession): void {
      size -= 1
      apps.get(session.user.appId)?.delete(session.user.userId, session)
    },
    /** Calls `onEvent` of the sessions of the event's user, as they are now. */
    dispatch(event: EngineEvent): void {
      const user = userOf(event)
      if (user) for (const session of apps.get(user.appId)?.get(user.userId) ?? []) session.onEvent(event)
    },
  }
}
