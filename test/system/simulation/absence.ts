import type { Network } from './network.js'
import { APP, type Site } from './site.js'
import type { Owner } from './timers.js'
import type { Watcher } from './watcher.js'
import type { World } from './world.js'

/** Milliseconds after which a user is offline whose last connection is gone: the 20 seconds of docs/GUARANTEES.md, and two more. */
const OFFLINE_AFTER = 22_000

interface Parts {
  world: World
  network: Network
  site: Site
  watcher: Watcher
  users: readonly string[]
  /** Returns the user of a page; undefined for other clients. */
  userOf: (owner: Owner) => string | undefined
}

/** Holds presence to its time: a user without a connection is offline 22 seconds later, to the engine and to whoever watches. */
export class Absence {
  readonly #parts: Parts
  /** Since when each user's presence could have changed by time alone. */
  readonly #since = new Map<string, number>()
  /** Whoever was online for too long. */
  readonly violations: string[] = []
  /** How often a user was found offline in time. */
  checks = 0

  constructor(parts: Parts) {
    this.#parts = parts
    const { network, userOf } = parts
    network.onLost = (owner) => {
      const user = userOf(owner)
      if (user !== undefined) this.#begin(user)
    }
  }

  /** A gateway has started, or its disk is well again: time without them does not count. */
  restart(): void {
    for (const user of this.#parts.users) this.#begin(user)
  }

  #begin(user: string): void {
    const { world } = this.#parts
    const since = world.now()
    this.#since.set(user, since)
    world.after(OFFLINE_AFTER, () => {
      if (this.#since.get(user) === since) this.#check(user, since)
    })
  }

  #check(user: string, since: number): void {
    const { world, network, site, watcher, userOf } = this.#parts
    const running = site.any()
    if (!running || !site.medium.isWell) return
    const { engine, owner } = running
    if (network.isCarried((client) => userOf(client) === user)) return
    const late = (who: string): void => {
      const seconds = (world.now() - since) / 1_000
      this.violations.push(`${who} shows ${user} as online, ${seconds} s after the last connection was lost.`)
    }
    const { gateway } = watcher
    if (gateway?.alive && !gateway.held && watcher.online.get(user)) late('The watcher')
    void world.as(owner, () =>
      engine.status({ appId: APP, userId: user }).then(
        ({ online }) => {
          // An engine that was opening answers when it is open, which is another begin.
          if (this.#since.get(user) !== since) return
          this.checks += 1
          if (online) late('The engine')
        },
        // The engine is away, and its return is another begin.
        () => undefined,
      ),
    )
  }
}
