import type { UserRef } from '../../engine.js'

/** A set of users. It has a set for each app, so that a look-up makes no string of both ids. */
export class UserSet {
  readonly #apps = new Map<string, Set<string>>()

  has({ appId, userId }: UserRef): boolean {
    return this.#apps.get(appId)?.has(userId) ?? false
  }

  add({ appId, userId }: UserRef): void {
    const users = this.#apps.get(appId)
    if (users) users.add(userId)
    else this.#apps.set(appId, new Set([userId]))
  }

  delete({ appId, userId }: UserRef): void {
    const users = this.#apps.get(appId)
    if (users?.delete(userId) && users.size === 0) this.#apps.delete(appId)
  }
}
