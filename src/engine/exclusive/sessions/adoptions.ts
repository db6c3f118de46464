import { randomUUID } from 'node:crypto'
import { isGuestId } from '../../../protocol/index.js'
import type { Adoption, AdoptionRequest, UserRef } from '../../engine.js'
import { isAdoptedBy, mayAdopt } from '../../decide/adoption/adoption.js'
import type { Core } from '../store/core.js'
import { rows } from '../store/rows.js'
import { put, type Operation } from '../store/store.js'
import type { WebhookEvents } from '../webhooks/webhook-events.js'
import type { Revocations } from './revocations.js'
import type { Users } from './users.js'

/**
 * An adoption, which gives a guest's messages to a user. Until `until`, a time of the engine's clock, messages to the guest go to the user
 * `by`, who was created at `byCreatedAt`. The guest was created at `createdAt`, and had `messages` retained messages.
 */
export type AdoptionRow = [
  until: number,
  by: string,
  byCreatedAt: number,
  createdAt: number,
  messages: number,
]

interface AdoptionsOptions extends Core {
  users: Users
  revocations: Revocations
  webhooks: WebhookEvents
}

/** The guests whom users have adopted. */
export class Adoptions {
  readonly #options: AdoptionsOptions

  constructor(options: AdoptionsOptions) {
    this.#options = options
  }

  /** Returns the adoption of the guest; undefined if nobody has adopted the guest, or `until` has passed. */
  of(guest: UserRef): AdoptionRow | undefined {
    const { commit, clock } = this.#options
    const found = commit.newest(rows.adoption(guest)) as AdoptionRow | undefined
    return found && found[0] > clock.now() ? found : undefined
  }

  /** Returns the user to whom messages to the guest go; undefined if there is none. */
  adopterOf(guest: UserRef): UserRef | undefined {
    const adoption = isGuestId(guest.userId) ? this.of(guest) : undefined
    if (!adoption) return undefined
    const [, userId, createdAt] = adoption
    const user = { appId: guest.appId, userId }
    return this.#options.users.exists(user, createdAt) ? user : undefined
  }

  /**
   * Marks the guest as adopted, and deletes the guest from the users. `messagesOf` returns the number of the guest's retained messages, and
   * operations that delete messages which are not retained.
   */
  async adopt(
    request: AdoptionRequest,
    messagesOf: () => { messages: number; operations: Operation[] },
  ): Promise<Adoption | null> {
    const { appId, userId, guestId, proof } = request
    const { commit, revocations, users } = this.#options
    if (isGuestId(userId)) return null
    const guest = { appId, userId: guestId }
    if (proof && revocations.isRevoked(guest, proof.credential)) return null
    let adoption = this.of(guest)
    // The answer tells of an adoption that another call is writing, so it waits for that write.
    if (adoption) {
      if (commit.isPending(rows.adoption(guest))) await commit.sync([])
    } else {
      const stored = users.guest(guest)
      if (!stored || !mayAdopt(stored.createdAt, proof)) return null
      const { row, operations } = commit.change(() =>
        this.#adopt(request, guest, stored.createdAt, messagesOf),
      )
      adoption = row
      await commit.sync(operations)
    }
    const [, by, byCreatedAt, createdAt, messages] = adoption
    const adopter = { userId: by, userCreatedAt: byCreatedAt }
    return isAdoptedBy(adopter, createdAt, request, proof) ? { guest: guestId, messages } : null
  }

  #adopt(
    { appId, userId, userCreatedAt, retention }: AdoptionRequest,
    guest: UserRef,
    createdAt: number,
    messagesOf: () => { messages: number; operations: Operation[] },
  ): { row: AdoptionRow; operations: Operation[] } {
    const { clock, users, webhooks } = this.#options
    const until = Math.min(Math.ceil(clock.now() + retention.age), Number.MAX_SAFE_INTEGER)
    const { messages, operations } = messagesOf()
    const row: AdoptionRow = [until, userId, userCreatedAt, createdAt, messages]
    operations.push(
      put(rows.adoption(guest), row),
      put(rows.moving(guest), 1),
      put(rows.expiry(until, randomUUID()), [rows.adoption(guest)]),
      ...users.remove(guest),
      ...webhooks.operations({ appId, userId }, 'guest.adopted', { guest: guest.userId, messages }),
    )
    return { row, operations }
  }
}
