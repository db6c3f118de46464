import type { Engine, PresenceChanged, UserPresence, UserRef } from '../../../engine/index.js'
import { userKey } from '../../../engine/internal.js'
import { createTurnLimit } from '../../limits/turn-limit.js'

/** How many watchers are called in one turn of the event loop. Ten thousand may watch one user. */
const TOLD_PER_TURN = 256

/** How much of `TOLD_PER_TURN` a session takes after a reload: it asks the engine if its app's rule has changed. */
const AFTER_RELOAD = 16

/** A session that watches users. */
export interface Watcher {
  /** Called when the presence of a user that it watches may have changed. */
  onPresence(userId: string): void
  /** Called after a reload of the config, which may change whom the session may see. */
  onReload(): void
}

/** Whether a user is online, and when the user was last seen. */
export type Presence = Pick<UserPresence, 'online' | 'lastSeenAt'>

interface Watched {
  readonly watchers: Set<Watcher>
  /** The watchers that are to be called in a later turn. Undefined until the first event. */
  waiting: Set<Watcher> | undefined
  /** Undefined until the engine has answered or emitted an event about the user. */
  presence: Presence | undefined
  readonly ready: Promise<void>
}

/** The users whom sessions of this gateway watch. The engine watches each user only once for all these sessions. */
export class Watchers {
  readonly #engine: Pick<Engine, 'watch' | 'unwatch'>
  readonly #users = new Map<string, Watched>()
  /** The sessions with a watch, even those that may see none of its users. */
  readonly #followers = new Set<Watcher>()
  readonly #turns = createTurnLimit(TOLD_PER_TURN)

  constructor(engine: Pick<Engine, 'watch' | 'unwatch'>) {
    this.#engine = engine
  }

  /** How many users are watched. */
  get size(): number {
    return this.#users.size
  }

  /** Adds a watcher of users. Resolves when `presenceOf` knows all of them. If it rejects with an `EngineError`, nothing is added. */
  async add(watcher: Watcher, appId: string, userIds: Iterable<string>): Promise<void> {
    const all = [...userIds].map((userId) => ({ appId, userId }))
    const added = all.filter((of) => !this.#users.get(userKey(of))?.watchers.has(watcher))
    this.#watch(added.filter((of) => !this.#users.has(userKey(of))))
    const watched = added.map((of) => this.#users.get(userKey(of))).filter((each) => each !== undefined)
    for (const { watchers } of watched) watchers.add(watcher)
    try {
      await Promise.all(watched.map(({ ready }) => ready))
    } catch (error) {
      this.remove(
        watcher,
        appId,
        added.map(({ userId }) => userId),
      )
      throw error
    }
  }

  remove(watcher: Watcher, appId: string, userIds: Iterable<string>): void {
    const left: UserRef[] = []
    for (const userId of userIds) {
      const of = { appId, userId }
      const watched = this.#users.get(userKey(of))
      if (!watched?.watchers.delete(watcher) || watched.watchers.size > 0) continue
      this.#users.delete(userKey(of))
      left.push(of)
    }
    if (left.length > 0) this.#engine.unwatch(left)
  }

  /** Calls `follower` after each reload, until `unfollow`. */
  follow(follower: Watcher): void {
    this.#followers.add(follower)
  }

  unfollow(follower: Watcher): void {
    this.#followers.delete(follower)
  }

  /** Called when a reload may have changed the apps' rules. */
  onReload(): void {
    for (const follower of this.#followers) this.#turns.run(() => follower.onReload(), AFTER_RELOAD)
  }

  /** Returns the presence of a user whom the caller watches. */
  presenceOf(of: UserRef): Presence {
    return this.#users.get(userKey(of))?.presence ?? OFFLINE
  }

  /** Keeps the presence of a watched user, and calls the watchers, `TOLD_PER_TURN` of them in each turn of the event loop. */
  onEvent({ user, online, lastSeenAt }: PresenceChanged): void {
    const watched = this.#users.get(userKey(user))
    if (!watched) return
    watched.presence = { online, lastSeenAt }
    const waiting = (watched.waiting ??= new Set())
    for (const watcher of watched.watchers) {
      // A watcher that waits is told the latest presence. If it waited once for each change, calls could pile up without a bound.
      if (waiting.has(watcher)) continue
      waiting.add(watcher)
      this.#turns.run(() => {
        waiting.delete(watcher)
        watcher.onPresence(user.userId)
      })
    }
  }

  /** Asks the engine to watch users who are not watched yet. */
  #watch(users: readonly UserRef[]): void {
    if (users.length === 0) return
    const entries: Watched[] = []
    const ready = this.#engine.watch(users).then((found) =>
      // An event that came before the answer is newer.
      entries.forEach((watched, n) => (watched.presence ??= found[n])),
    )
    // `add` rejects with the same error, so this promise must not count as unhandled.
    ready.catch(() => undefined)
    for (const of of users) {
      const watched: Watched = { watchers: new Set(), waiting: undefined, presence: undefined, ready }
      entries.push(watched)
      this.#users.set(userKey(of), watched)
    }
  }
}

/** The presence of a user who never had a session. */
export const OFFLINE: Presence = { online: false, lastSeenAt: null }
