import type { EngineEvent, UserRef } from '../../engine/index.js'
import { Multimap } from '../../util/multimap.js'

/** An event about one user's sessions or inbox, which the sessions of this user receive. */
export type SessionEvent = Extract<
  EngineEvent,
  {
    type:
      | 'session-ended'
      | 'connection-replaced'
      | 'reauth'
      | 'user-changed'
      | 'message'
      | 'epoch-changed'
      | 'read'
      | 'signal'
  }
>

/** A session of this gateway that receives the engine's events about its user. */
export interface HubSession {
  readonly user: UserRef
  onEvent(event: SessionEvent): void
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
    dispatch(event: SessionEvent): void {
      const { appId, userId } = 'session' in event ? event.session : event.user
      for (const session of apps.get(appId)?.get(userId) ?? []) session.onEvent(event)
    },
  }
}
