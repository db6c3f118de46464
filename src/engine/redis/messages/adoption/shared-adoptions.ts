import { isGuestId, type Message } from '../../../../protocol/index.js'
import type { Adoption, AdoptionRequest, Retention, UserRef } from '../../../engine.js'
import { adoptedJson, adoptionGrowth } from '../../../util/adopted-json.js'
import { hashOf } from '../../keys.js'
import type { StepRunner } from '../../step-runner.js'

/** How many messages one run of `#step` moves. A message may have 16 kB of text, so a run may move 1 MB. */
const MESSAGES_PER_STEP = 64
/** How often `move` runs `#step` at most, unless its caller gives a number. The sweep moves the messages that are left. */
const STEPS_AWAITED = 16
const FIELDS_PER_MESSAGE = 5

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
    const [messages] = await this.#runner.onUser(this.#runner.steps.adoptGuest, guest, [
      ...[userId, String(userCreatedAt), String(proof?.createdAt ?? '')],
      ...[String(proof?.credential.issuedAt ?? ''), String(retention.age)],
    ])
    return Number(messages) < 0 ? null : { guest: guestId, messages: Number(messages) }
  }

  /** Moves the guest's messages. Runs `#step` at most `steps` times. */
  async move(guest: UserRef, steps = STEPS_AWAITED): Promise<void> {
    for (let left = steps; left > 0; left--) if (!(await this.#step(guest))) return
  }

  /**
   * Called before an adopted guest is deleted. A run of `#step` has perhaps read messages that it appends only after the deletion. So this
   * method lets `adopted-append` leave out all messages from now on: it passes an offset beyond all, for a message that does not fit.
   */
  async stop(guest: UserRef): Promise<void> {
    const { steps } = this.#runner
    const [by, byCreatedAt, messages] = await this.#runner.onUser(steps.readAdopted, guest, ['1'])
    if (by === undefined) return
    const user = { appId: guest.appId, userId: String(by) }
    const { messages: most, bytes, age } = this.#retentionOf(guest.appId) ?? EVERYTHING
    const unfit = [Number.MAX_SAFE_INTEGER, '', 0, 0, '', '', user.userId]
    await this.#runner.onUser(
      steps.appendAdopted,
      user,
      [guest.userId, byCreatedAt, messages, Infinity, 0, 0, most, bytes, age, ...unfit].map(String),
      { hashed: adoptedKey(guest) },
    )
  }

  /** Moves some of the guest's messages. Resolves with whether there are more. */
  async #step(guest: UserRef): Promise<boolean> {
    const { steps } = this.#runner
    const { appId } = guest
    const [by, byCreatedAt, messages, left, bytes, ...list] = await this.#runner.onUser(
      steps.readAdopted,
      guest,
      [String(MESSAGES_PER_STEP)],
    )
    if (by === undefined) return false
    const user = { appId, userId: String(by) }
    const retention = this.#retentionOf(appId) ?? EVERYTHING
    const found: string[] = []
    let last = ''
    for (let n = 0; n + FIELDS_PER_MESSAGE <= list.length; n += FIELDS_PER_MESSAGE) {
      const [offset = '', message = '', size = '', storedAt = '', isRead = ''] = list
        .slice(n, n + FIELDS_PER_MESSAGE)
        .map(String)
      const { json, content } = adoptedJson(JSON.parse(message) as Message, guest.userId, user.userId)
      found.push(offset, json, size, storedAt, isRead, content.from ?? '', content.to)
      last = offset
    }
    const hashed = adoptedKey(guest)
    const [isKept] = await this.#runner.onUser(
      steps.appendAdopted,
      user,
      [
        ...[guest.userId, byCreatedAt, messages, left, bytes],
        ...[adoptionGrowth(guest.userId, user.userId), retention.messages, retention.bytes, retention.age],
        ...found,
      ].map(String),
      { hashed },
    )
    // If the user was deleted, the guest's messages are deleted, too.
    const [hasMore] = await this.#runner.onUser(steps.dropAdopted, guest, [isKept === 1 ? last : ''])
    if (hasMore === 1) return true
    // If the user was deleted, an earlier run has perhaps made the key. Nothing else would delete it.
    await this.#runner.onUser(steps.endAdopted, user, [], { hashed })
    return false
  }
}
