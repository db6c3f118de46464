import type { EndCode } from '../../../protocol/index.js'
import type { EngineEvent, UserRef } from '../../engine.js'
import { userKey } from '../../user-key.js'
import type { InboxReads } from '../messages/inbox-reads.js'
import type { SharedUsers } from '../sessions/shared-users.js'
import type { SharedPeers } from '../messages/shared-peers.js'
import type { AttachedUsers } from '../messages/attached-users.js'
import type { Watches } from '../sessions/watches.js'
import type { UncertainCall } from '../step-runner.js'
import type { CarriedSessions } from './carried-sessions.js'
import type { Recovery } from './recovery.js'

/** How many users are compared at once. Between two such groups other calls of this node run. */
const USERS_PER_STEP = 50

/** What a call with a lost reply may have changed. The events for this node were in that reply, so they are lost, too. */
interface Doubt {
  readonly of: UserRef
  readonly partition: number
  /** The code with which the call ends sessions. */
  code: EndCode
  mayHaveSaved: boolean
  mayHaveRead: boolean
  /** The peers whose marks may have moved. */
  readonly peers: Set<string | null>
  /**
   * How many comparisons are still to be made: one now, and one after the next beat (the renewal of the node's lease), because Redis may
   * run the call later.
   */
  runsLeft: number
}

export interface UncertainCallsOptions {
  attached: AttachedUsers
  reads: InboxReads
  peers: SharedPeers
  carried: CarriedSessions
  recovery: Recovery
  watches: Watches
  users: SharedUsers
  /** Notes that webhook events of an app are perhaps due in a partition, if the app has webhooks. */
  noteWebhooks: (appId: string, partition: number) => void
  emit: (event: EngineEvent) => void
  onError: (error: unknown) => void
}

/**
 * If the reply to a call was lost, the call may have run. Then this node reads again what the call may have changed. If this node carries
 * sessions of the user, it reads these sessions, the newest messages, the inbox's mark and the user's profile. In every case it reads the
 * user's presence, and notes that webhook events are perhaps due.
 */
export class UncertainCalls {
  readonly #options: UncertainCallsOptions
  readonly #doubts = new Map<string, Doubt>()
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(options: UncertainCallsOptions) {
    this.#options = options
  }

  note({ of, partition, changes }: Omit<UncertainCall, 'step'>): void {
    const key = `${partition} ${userKey(of)}`
    const known = this.#doubts.get(key)
    const doubt: Doubt = known ?? {
      ...{ of, partition, code: 'unavailable', mayHaveSaved: false, mayHaveRead: false, runsLeft: 0 },
      peers: new Set(),
    }
    const { endsAs = doubt.code, profile = false, mark = false, markOf } = changes
    doubt.code = endsAs
    doubt.mayHaveSaved ||= profile
    doubt.mayHaveRead ||= mark
    if (markOf !== undefined) doubt.peers.add(markOf)
    doubt.runsLeft = 2
    this.#doubts.set(key, doubt)
    this.run()
  }

  /** Compares what is in doubt. Must be called after each beat that Redis has answered. */
  run(): void {
    if (this.#isStopped || this.#running || this.#doubts.size === 0) return
    this.#running = this.#run()
      .catch(this.#options.onError)
      .finally(() => (this.#running = undefined))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  /**
   * A call whose comparison fails stays in doubt until the next run. It does not stop the other comparisons, because the master of one
   * partition may be away for long.
   */
  async #run(): Promise<void> {
    const doubts = [...this.#doubts]
    const errors: unknown[] = []
    for (let n = 0; n < doubts.length && !this.#isStopped; n += USERS_PER_STEP)
      await Promise.all(
        doubts.slice(n, n + USERS_PER_STEP).map(async ([key, doubt]) => {
          try {
            await this.#compare(doubt)
            if (--doubt.runsLeft <= 0) this.#doubts.delete(key)
          } catch (error) {
            errors.push(error)
          }
        }),
      )
    if (errors.length > 0) throw errors[0]
  }

  async #compare({ of, partition, code, mayHaveRead, mayHaveSaved, peers }: Doubt): Promise<void> {
    const { attached, carried, recovery, reads, watches, users, noteWebhooks, emit } = this.#options
    if (attached.connectionsOf(of).size > 0) {
      // A failover may have lost a session. The recovery stores it again first, so that it does not count as ended.
      await recovery.catchUp(partition)
      await carried.compare([of], code)
      await attached.compare([of])
      if (mayHaveRead) emit({ type: 'read', user: of, inbox: await reads.state(of) })
      for (const peer of peers) await this.#emitMark(of, peer)
      const saved = mayHaveSaved && (await users.get(of))
      if (saved) emit({ type: 'user-changed', user: saved })
    }
    await watches.renewUser(of)
    noteWebhooks(of.appId, partition)
  }

  async #emitMark(of: UserRef, peer: string | null): Promise<void> {
    const { reads, peers, emit } = this.#options
    const { epoch } = await reads.state(of)
    // The offset 0 moves no mark.
    const marked = await peers.markRead(of, peer, { epoch, offset: 0 })
    if (marked) emit({ type: 'read', user: of, ...marked })
  }
}
