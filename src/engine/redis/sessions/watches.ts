import type { EngineEvent, UserPresence, UserRef } from '../../engine.js'
import { userKey } from '../../user-key.js'
import type { StepRunner } from '../step-runner.js'

/** How many shares the users are divided into, by their partitions. The engine renews each share once in an interval. */
export const SHARES = 15
/** For how many intervals Redis keeps a watch that is not renewed. */
const KEPT_FOR = 3

interface Watched {
  readonly of: UserRef
  presence: { online: boolean; lastSeenAt: number | null } | undefined
  /** When Redis reported this presence, by the clock of Redis. */
  at: number
  /** How many events this node has received about the user. */
  eventCount: number
}

export interface WatchesOptions {
  runner: StepRunner
  /** Milliseconds in which each watch is renewed. */
  interval: number
  emit: (event: EngineEvent) => void
}

/**
 * The users whose presence this node watches. Redis notes the nodes that watch a user, and the script that changes the presence tells these
 * nodes. A renewal also reads the presence, since a published event may be lost. A node that died or no longer watches a user does not
 * renew, so Redis deletes its watch after a while.
 */
export class Watches {
  readonly #options: WatchesOptions
  readonly #users = new Map<string, Watched>()

  constructor(options: WatchesOptions) {
    this.#options = options
  }

  async watch(users: readonly UserRef[]): Promise<UserPresence[]> {
    const watched = users.map(({ appId, userId }) => {
      const of = { appId, userId }
      const known = this.#users.get(userKey(of))
      if (known) return known
      const user: Watched = { of, presence: undefined, at: 0, eventCount: 0 }
      this.#users.set(userKey(of), user)
      return user
    })
    try {
      await this.#read(watched)
    } catch (error) {
      for (const user of watched) if (!user.presence) this.#remove(user)
      throw error
    }
    return watched.map(({ of, presence }) => ({ ...of, online: false, lastSeenAt: null, ...presence }))
  }

  /** Forgets users. Redis deletes their watches after a while. Until then this node receives events that it ignores. */
  unwatch(users: readonly UserRef[]): void {
    for (const of of users) this.#users.delete(userKey(of))
  }

  /** Called with a presence event. `at` is the time at which the script emitted it. */
  onEvent(of: UserRef, online: boolean, lastSeenAt: number | null, at: number): void {
    const user = this.#users.get(userKey(of))
    // If the event is older than the latest read, that read has seen a later state.
    if (!user || at < user.at) return
    user.eventCount++
    this.#set(user, online, lastSeenAt, at)
  }

  /** Renews one share of the watches. */
  renewShare(share: number): Promise<void> {
    return this.#read(this.#usersIn((partition) => partition % SHARES === share))
  }

  /** Renews the watches on some servers, or all. Called if events may have been lost, or if a failover may have lost watches. */
  renew(servers?: ReadonlySet<number>): Promise<void> {
    const { runner } = this.#options
    const users = this.#usersIn((partition) => servers?.has(runner.serverOf(partition)) ?? true)
    // After a failover the clock of the new server may be behind `at`. Then `onEvent` would ignore that server's events.
    for (const user of users) user.at = 0
    return this.#read(users)
  }

  async renewUser(of: UserRef): Promise<void> {
    const user = this.#users.get(userKey(of))
    if (user) await this.#read([user])
  }

  clear(): void {
    this.#users.clear()
  }

  #usersIn(isConcerned: (partition: number) => boolean): Watched[] {
    const { partitions } = this.#options.runner
    return [...this.#users.values()].filter(({ of }) => isConcerned(partitions.of(of)))
  }

  async #read(users: readonly Watched[]): Promise<void> {
    const { runner, interval } = this.#options
    const duration = Math.ceil(interval * KEPT_FOR)
    await Promise.all(
      runner.userGroups(users).map(async (group) => {
        const before = group.users.map(({ eventCount }) => eventCount)
        const [at, ...found] = await runner.onUsers(runner.steps.watch, ['watch', 'user'], group, [duration])
        group.users.forEach((user, n) => {
          // If an event came meanwhile, it may be newer than this read. Every later change comes as an event, too.
          if (user.eventCount !== before[n]) return
          const [online, lastSeenAt = -1] = found[n] ?? []
          this.#set(user, online === 1, lastSeenAt < 0 ? null : lastSeenAt, at)
        })
      }),
    )
  }

  #set(user: Watched, online: boolean, lastSeenAt: number | null, at: number): void {
    const isChanged = user.presence !== undefined && user.presence.online !== online
    user.presence = { online, lastSeenAt }
    user.at = at
    if (isChanged && this.#users.get(userKey(user.of)) === user)
      this.#options.emit({ type: 'presence', user: user.of, online, lastSeenAt })
  }

  #remove(user: Watched): void {
    if (this.#users.get(userKey(user.of)) === user) this.#users.delete(userKey(user.of))
  }
}
