import type { EngineEvent, UserRef } from '../../engine.js'
import type { UserState } from '../calls/messages.js'
import type { AttachedUsers } from '../messages/attached-users.js'
import { userRecordOf } from '../sessions/shared-users.js'
import type { StepRunner } from '../step-runner.js'

/** How often users are read at most if events about them come meanwhile. */
const MAX_TRIES = 8

/** What a comparison has found about a user. Each comparison makes another object. */
interface Known {
  /** A number that rises when a read mark moves. A further unread message does not change it. */
  readonly marked?: number
  /** The digest of the profile. */
  readonly profile?: string
}

export interface UserStatesOptions {
  runner: StepRunner
  attached: AttachedUsers
  emit: (event: EngineEvent) => void
}

/**
 * Emits the events `read` and `user-changed` that were published and have not reached this node. Redis does not say which events these are.
 * So a comparison of a user emits both events, except one whose subject is as the comparison before has found it.
 */
export class UserStates {
  readonly #options: UserStatesOptions
  /** What is known about each attached user, by `AttachedUsers.refOf`. An event that comes makes it unknown. */
  readonly #known = new WeakMap<UserRef, Known>()

  constructor(options: UserStatesOptions) {
    this.#options = options
  }

  /** Called with the user of each event `read` or `user-changed` that has come. */
  hear(of: UserRef): void {
    const ref = this.#options.attached.refOf(of)
    if (ref) this.#known.delete(ref)
  }

  /** Compares all users who have a session on this node. */
  async compare(): Promise<void> {
    let left = this.#options.attached.users()
    for (let tries = MAX_TRIES; left.length > 0 && tries > 0; tries--) left = await this.#compareOnce(left)
  }

  /** Returns the users about whom an event has come meanwhile, which is perhaps newer than what was read. */
  async #compareOnce(users: readonly UserRef[]): Promise<UserRef[]> {
    const { runner } = this.#options
    const again: UserRef[] = []
    const compared = users.map((of) => {
      const before = { ...this.#known.get(of) }
      this.#known.set(of, before)
      return { of, before }
    })
    for (const group of runner.userGroups(compared)) {
      const states = await runner.onUsers(runner.steps.readStates, ['user'], group, [group.users.length])
      for (const [n, { of, before }] of group.users.entries()) {
        const state = states[n]
        if (this.#known.get(of) !== before) again.push(of)
        else if (state) this.#compare(of, before, state)
      }
    }
    return again
  }

  #compare(of: UserRef, before: Known, state: UserState): void {
    const { runner, attached, emit } = this.#options
    if (attached.refOf(of) !== of) return
    const [digest, profiles, createdAt, ...inboxState] = state
    const inbox = runner.epochs.inboxOf(of, inboxState)
    const known = { marked: inbox.readOffset + inbox.offset - inbox.unread, profile: digest }
    this.#known.set(of, known)
    if (known.marked !== before.marked) emit({ type: 'read', user: of, inbox })
    const user = known.profile === before.profile ? null : userRecordOf(of, [profiles, createdAt])
    if (user) emit({ type: 'user-changed', user })
  }
}
