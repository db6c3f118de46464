import { LRUCache } from 'lru-cache'
import type { EngineEvent, UserRef } from '../../engine/index.js'
import { userKey } from '../../engine/internal.js'
import type { SessionChange } from '../../protocol/internal.js'

/** How many changes are kept for each app and for each user, and for how many users. */
const MAX_PER_APP = 200
const MAX_PER_USER = 20
const MAX_USERS = 2_000

/** The latest changes of this gateway's sessions, for operators. They are kept only in memory. */
export type Activity = ReturnType<typeof createActivity>

const add = (list: SessionChange[], change: SessionChange, max: number): SessionChange[] => {
  list.push(change)
  if (list.length > max) list.shift()
  return list
}

export const createActivity = () => {
  const apps = new Map<string, SessionChange[]>()
  const users = new LRUCache<string, SessionChange[]>({ max: MAX_USERS })
  const listeners = new Map<string, Set<(change: SessionChange) => void>>()
  // `seq` begins with the present time. So it is greater than before a restart, and a console that reconnects misses no change.
  let seq = Date.now()

  const record = ({ appId, userId, sessionId, type, code }: Omit<SessionChange, 'seq' | 'at'>): void => {
    const change: SessionChange = { seq: ++seq, at: Date.now(), appId, userId, sessionId, type, code }
    apps.set(appId, add(apps.get(appId) ?? [], change, MAX_PER_APP))
    const key = userKey(change)
    users.set(key, add(users.get(key) ?? [], change, MAX_PER_USER))
    listeners.get(appId)?.forEach((listener) => listener(change))
  }

  return {
    record,
    /** Called with each event of the engine. Records the ends of sessions. */
    onEvent(event: EngineEvent): void {
      if (event.type === 'session-ended') record({ ...event.session, type: 'ended', code: event.code })
    },
    /** Returns the app's latest changes, oldest first. */
    latest: (appId: string): readonly SessionChange[] => apps.get(appId) ?? [],
    /** Returns the user's latest changes, oldest first. */
    latestOf: (user: UserRef): readonly SessionChange[] => users.get(userKey(user)) ?? [],
    /** Calls `listener` with each change of the app until `signal` aborts. */
    listen(appId: string, listener: (change: SessionChange) => void, signal: AbortSignal): void {
      const set = listeners.get(appId) ?? new Set()
      listeners.set(appId, set.add(listener))
      signal.addEventListener('abort', () => set.delete(listener), { once: true })
    },
  }
}
