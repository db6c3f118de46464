import { isGuestId, type Message } from '../../../protocol/index.js'
import type { Adoption, AdoptionRequest, Retention, UserRef } from '../../engine.js'
import { adoptedJson, adoptionGrowth } from '../../util/adopted-json.js'
import type { MovedMessage, MovedMessages } from '../calls/messages.js'
import { hashOf } from '../keys.js'
import type { StepRunner } from '../step-runner.js'

/** How many messages one run of `#step` moves. A message may have 16 kB of text, so a run may move 1 MB. */
const MESSAGES_PER_STEP = 64
/** How often `move` runs `#step` at most, unless its caller gives a number. The sweep moves the messages that are left. */
const STEPS_AWAITED = 16

/** For how many milliseconds a repeated `appendAdopted` appends no message twice, after the last message was moved. */
const KEPT_AFTER_MOVE = 3_600_000

const EVERYTHING: Retention = { messages: 1_000_000_000, bytes: Infinity, age: Infinity }

/** Returns the name of the key that says which messages of a guest were appended to the user's inbox, or left out. */
const adoptedKey = ({ appId, userId }: UserRef) => `adopted:${hashOf(appId, userId)}` as const

export interface SharedAdoptionsOptions {
  runner: StepRunner
  /** Returns the app's retention; undefined if it is not known. */
  retentionOf: (appId: string) => Retention | undefined
}

/**
 * Adopts guests. Because the guest and the user may be in different partitions, this takes several steps. The first step notes the adoption
 * in the guest's hash. Then pairs of steps move the guest's messages: one step appends some of them to the user's inbox, the other deletes
 * these from the guest's inbox. A key in the user's partition holds an offset of the guest's inbox. The messages up to it were
 * appended, or left out because they did not fit into the retention. So a step that runs twice appends no message twice. The guest's
 * deadline `moveDueAt` lets the sweep continue the move after a crash.
 */
export class SharedAdoptions {
  readonly #runner: StepRunner
  readonly #retentionOf: (appId: string) => Retention | undefined

  constructor({ runner, retentionOf }: SharedAdoptionsOptions) {
    this.#runner = runner
    this.#retentionOf = retentionOf
  }

  /** Notes the adoption in the guest's hash. The caller has checked that the token in `proof`, which is the guest's, is not revoked. */
  async adopt({
    appId,
    userId,
    userCreatedAt,
    guestId,
    proof,
    retention,
  }: AdoptionRequest): Promise<Adoption | null> {
    if (isGuestId(userId)) return null
    const guest = { appId, userId: guestId }
    const { createdAt, credential } = proof ?? {}
    const args = [userId, userCreatedAt, createdAt, credential?.issuedAt, retention.age] as const
    const { adoptGuest } = this.#runner.steps
    const [messages] = await this.#runner.onUser(adoptGuest, guest, args, { changes: { endsAs: 'replaced' } })
    return messages < 0 ? null : { guest: guestId, messages }
  }

  /** Moves the guest's messages. Runs `#step` at most `steps` times. */
  async move(guest: UserRef, steps = STEPS_AWAITED): Promise<void> {
    for (let left = steps; left > 0; left--) if (!(await this.#step(guest))) return
  }

  /**
   * Called before a user is deleted. If the user is an adopted guest, a run of `#step` has perhaps read messages that it appends only after
   * the deletion. So from now on `appendAdopted` appends none.
   */
  async stop(guest: UserRef): Promise<void> {
    if (!isGuestId(guest.userId)) return
    const { readAdopted } = this.#runner.steps
    const [isMoving, by, createdAt, messages] = await this.#runner.onUser(readAdopted, guest, [1])
    if (isMoving === 1) await this.#append(guest, by, createdAt, { messages, left: undefined, moved: [] })
  }

  /** Moves some of the guest's messages. Resolves with whether there are more. */
  async #step(guest: UserRef): Promise<boolean> {
    const { steps } = this.#runner
    const { appId } = guest
    const reply = await this.#runner.onUser(steps.readAdopted, guest, [MESSAGES_PER_STEP])
    if (reply[0] === 0) return false
    const [, by, createdAt, messages, left, leftBytes, ...found] = reply
    const user = { appId, userId: by }
    const moved = found.map(([offset, message, size, at, isRead]): MovedMessage => {
      const { json, content } = adoptedJson(JSON.parse(message) as Message, guest.userId, by)
      const { from, to } = content
      return { offset, json, size, at, isRead: isRead === 1, from: from ?? '', to }
    })
    const inbox = { messages: left, bytes: leftBytes }
    const isKept = await this.#append(guest, by, createdAt, { messages, left: inbox, moved })
    // If the user was deleted, the guest's messages are deleted, too.
    const [hasMore] = await this.#runner.onUser(steps.dropAdopted, guest, [isKept && found.at(-1)?.[0]])
    if (hasMore === 1) return true
    // If the user was deleted, an earlier run has perhaps made the key. Nothing else would delete it.
    await this.#runner.onUser(steps.endAdopted, user, [KEPT_AFTER_MOVE], { hashed: adoptedKey(guest) })
    return false
  }

  /** Appends messages of the guest to the inbox of a user who was created at `createdAt`. Resolves with false if the user was deleted. */
  async #append(
    guest: UserRef,
    userId: string,
    createdAt: number,
    messages: Pick<MovedMessages, 'messages' | 'left' | 'moved'>,
  ): Promise<boolean> {
    const retention = this.#retentionOf(guest.appId) ?? EVERYTHING
    const all: MovedMessages = {
      ...messages,
      guest: guest.userId,
      growth: adoptionGrowth(guest.userId, userId),
    }
    const [isKept] = await this.#runner.onUser(
      this.#runner.steps.appendAdopted,
      { appId: guest.appId, userId },
      [createdAt, retention.messages, retention.bytes, retention.age, JSON.stringify(all)],
      { hashed: adoptedKey(guest), changes: { mark: true } },
    )
    return isKept === 1
  }
}
