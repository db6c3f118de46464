import { randomUUID } from 'node:crypto'
import { isGuestId } from '../../../protocol/index.js'
import type { Adoption, AdoptionRequest, UserRef } from '../../engine.js'
import type { Clock } from '../../../util/clock.js'
import { rows } from '../store/rows.js'
import { put, read, type Operation, type Store } from '../store/store.js'
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

interface AdoptionsOptions {
  store: Store
  clock: Clock
  users: Users
  revocations: Revocations
  webhooks: WebhookEvents
}

/** The guests whom users have adopted. */
export class Adoptions {
  readonly #options: AdoptionsOptions
  /** The adoptions that are being written, by the keys of their rows. The store does not return them yet. */
  readonly #writing = new Map<string, AdoptionRow>()

  constructor(options: AdoptionsOptions) {
    this.#options = options
  }

  /** Returns the adoption of the guest; undefined if nobody has adopted the guest, or `until` has passed. */
  of(guest: UserRef): AdoptionRow | undefined {
    const { store, clock } = this.#options
    const row = rows.adoption(guest)
    const found = this.#writing.get(row) ?? (read(store, row) as AdoptionRow | undefined)
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
    { appId, userId, userCreatedAt, guestId, proof, retention }: AdoptionRequest,
    messagesOf: () => { messages: number; operations: Operation[] },
  ): Promise<Adoption | null> {
    const { clock, users, revocations, webhooks } = this.#options
    if (isGuestId(userId)) return null
    const guest = { appId, userId: guestId }
    const row = rows.adoption(guest)
    let adoption: AdoptionRow | undefined
    await users.deleteAdopted(guest, (stored) => {
      if (proof && revocations.isRevoked(guest, proof.credential)) return null
      adoption = this.of(guest)
      if (adoption || !stored || (proof && proof.createdAt !== stored.createdAt)) return null
      const until = Math.min(Math.ceil(clock.now() + retention.age), Number.MAX_SAFE_INTEGER)
      const { messages, operations } = messagesOf()
      adoption = [until, userId, userCreatedAt, stored.createdAt, messages]
      this.#writing.set(row, adoption)
      return [
        ...operations,
        put(row, adoption),
        put(rows.moving(guest), 1),
        put(rows.expiry(until, randomUUID()), [row]),
        ...webhooks.operations({ appId, userId }, 'guest.adopted', { guest: guestId, messages }),
      ]
    })
    this.#writing.delete(row)
    if (!adoption) return null
    const [, by, byCreatedAt, createdAt, messages] = adoption
    const isSame = by === userId && byCreatedAt === userCreatedAt
    return isSame && (!proof || proof.createdAt === createdAt) ? { guest: guestId, messages } : null
  }
}
