import type { EngineEvent, UserRef } from '../../engine.js'
import { userKey } from '../../user-key.js'
import type { UserState } from '../calls/messages.js'
import type { AttachedUsers } from '../messages/attached-users.js'
import { userRecordOf } from '../sessions/shared-users.js'
import type { StepRunner } from '../step-runner.js'

/** How often users are read at most if events about them come meanwhile. */
const MAX_TRIES = 8

/** What a comparison has found about a user. */
interface Known {
  /** A number that rises when a read mark moves. A further unread message does not change it. */
  readonly marked: number
  /** The digest of the profile. */
  readonly profile: string
}

export interface UserStatesOptions {
  runner: StepRunner
  attached: AttachedUsers
  emit: (event: EngineEvent) => void
}

/**
 * Emits the events `read` and `user-changed` that were published and have not reached this node. Redis does not say which events these are.
 * So the first comparison of a user emits both events, and a later one those whose subject has changed since the comparison before.
 */
export class UserStates {
  readonly #options: UserStatesOptions
  /** What is known about each user, by the object with the user's ids that `AttachedUsers` keeps for as long as the user is attached. */
  readonly #known = new WeakMap<UserRef, Known>()
  /** The users about whom an event has come during the comparison that runs. */
  readonly #heard = new Set<string>()
  #isComparing = false

  constructor(options: UserStatesOptions) {
    this.#options = options
  }

  /** Called with the user of each event `read` or `user-changed` that has come. */
  hear(of: UserRef): void {
    if (this.#isComparing) this.#heard.add(userKey(of))
  }

  /** Compares all users who have a session on this node. */
  async compare(): Promise<void> {
    const { runner, attached } = this.#options
    this.#isComparing = true
    try {
      // An event that came meanwhile is perhaps newer than what was read. So the users of such events are read again.
      for (let [left, tries] = [attached.users(), MAX_TRIES]; left.length > 0 && tries > 0; tries--) {
        this.#heard.clear()
        const located = left.map((of) => ({ of, partition: runner.partitions.of(of) }))
        for (const group of runner.userGroups(located)) {
          const states = await runner.onUsers(runner.steps.readStates, ['user'], group, [group.users.length])
          for (const [n, { of }] of group.users.entries()) {
            const state = states[n]
            if (state) this.#compare(of, state)
          }
        }
        left = left.filter((of) => this.#heard.has(userKey(of)))
      }
    } finally {
      this.#isComparing = false
      this.#heard.clear()
    }
  }

  #compare(of: UserRef, state: UserState): void {
    const { runner, attached, emit } = this.#options
    if (this.#heard.has(userKey(of)) || attached.connectionsOf(of).size === 0) return
    const [digest, profiles, createdAt, ...inboxState] = state
    const inbox = runner.inboxOf(of, inboxState)
    const before = this.#known.get(of)
    const known: Known = { marked: inbox.readOffset + inbox.offset - inbox.unread, profile: digest }
    this.#known.set(of, known)
    if (known.marked !== before?.marked) emit({ type: 'read', user: of, inbox })
    const user = known.profile === before?.profile ? null : userRecordOf(of, [profiles, createdAt])
    if (user) emit({ type: 'user-changed', user })
  }
}
