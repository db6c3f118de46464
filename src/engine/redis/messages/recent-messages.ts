import type { UserRef } from '../../engine.js'
import { RecentList } from '../../../util/recent-list.js'
import { userKey } from '../../user-key.js'
import type { RunOptions, StepRunner } from '../step-runner.js'

/** For how many beats (`Leases`), a second apart, messages are kept, and how many bytes they may take. */
const KEPT_FOR = 30
const MAX_BYTES = 32_000_000
/** About how many bytes a message takes here besides its JSON. */
const OVERHEAD = 500

/** A message in an inbox: what the script `restoreMessage` needs. */
export interface RecentMessage {
  /** The user of the inbox. */
  readonly of: UserRef
  /** The number of the inbox's epoch. */
  readonly epoch: number
  readonly offset: number
  /** The message without its offset. */
  readonly json: string
  /** Empty for the backend. */
  readonly from: string
  readonly to: string
  /** The rules, in the form in which `rulesOf` in `scripts/messages/rules.ts` reads them. */
  readonly rules: string
  readonly traceparent: string
  /** The hashed key by which a retry finds the message, its value, and the milliseconds for which it is kept. */
  readonly found: Required<Pick<RunOptions, 'hashed'>> & { value: string; keptFor: number }
  /** The own copy that the same step has made, and what the names of its sender's keys begin with; undefined for none. */
  readonly own?: { readonly prefix: string; readonly epoch: number; readonly offset: number } | undefined
}

/**
 * The messages of the last seconds of which this node was told that they are stored. A failover may lose them, and only this node can store
 * them again.
 */
export class RecentMessages {
  readonly #runner: StepRunner
  readonly #noted = new RecentList<() => RecentMessage>({ keptFor: KEPT_FOR, maxBytes: MAX_BYTES })

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  /**
   * Notes a message that has about so many bytes. `message` is called only after a failover, because `note` is called for every message.
   */
  note(bytes: number, message: () => RecentMessage): void {
    this.#noted.note(message, bytes + OVERHEAD)
  }

  /** Must be called after each beat that Redis has answered, so that no message is forgotten while Redis is away. */
  beat(): void {
    this.#noted.beat()
  }

  /** Whether all messages since a time, by the monotonic clock, are kept. */
  hasAllSince(time: number): boolean {
    return this.#noted.hasAllSince(time)
  }

  /**
   * Stores messages again that a server lacks, among those that were stored since `times` says for the server, by the monotonic clock.
   * Resolves with the servers that then still lack messages: if an inbox also lacks earlier messages, another node must first store those.
   * A server that does not answer counts as one that lacks messages.
   */
  async restore(times: ReadonlyMap<number, number>, onError: (error: unknown) => void): Promise<Set<number>> {
    const away = new Set<number>()
    const noteAway = (server: number, error: unknown): void => {
      away.add(server)
      onError(error)
    }
    let lacking = await this.#lacking(times, noteAway)
    for (let before = Infinity; lacking.length < before;) {
      before = lacking.length
      const left: RecentMessage[] = []
      for (const message of lacking) {
        const server = this.#serverOf(message)
        if (away.has(server)) continue
        const isDone = await this.#restore(message).catch((error: unknown) => noteAway(server, error))
        if (isDone === false) left.push(message)
      }
      lacking = left
    }
    for (const message of lacking) away.add(this.#serverOf(message))
    return away
  }

  /** Returns the messages that their inboxes perhaps lack, in the order in which they were stored. */
  async #lacking(
    times: ReadonlyMap<number, number>,
    noteAway: (server: number, error: unknown) => void,
  ): Promise<RecentMessage[]> {
    const messages = this.#noted.since(Math.min(...times.values())).map((message) => message())
    const concerned = messages.filter((message) => times.has(this.#serverOf(message)))
    const users = new Map(concerned.map(({ of }) => [userKey(of), { of }]))
    const newest = new Map<string, readonly [epoch: number, offset: number]>()
    for (const group of this.#runner.userGroups([...users.values()])) {
      const read = await this.#runner
        .onUsers(this.#runner.steps.newestOffsets, ['user'], group, [group.users.length])
        .catch((error: unknown) => noteAway(group.server, error))
      if (!read) continue
      for (const [n, { of }] of group.users.entries()) newest.set(userKey(of), read[n] ?? [0, 0])
    }
    return concerned.filter((message) => {
      const [epoch, offset] = newest.get(userKey(message.of)) ?? [0, 0]
      return message.epoch !== epoch || message.offset > offset
    })
  }

  #serverOf({ of }: RecentMessage): number {
    return this.#runner.serverOf(this.#runner.partitions.of(of))
  }

  /** Resolves with false if the message must wait for messages before it. */
  async #restore(message: RecentMessage): Promise<boolean> {
    const { steps } = this.#runner
    const { of, epoch, offset, json, from, to, rules, traceparent, found, own } = message
    const { value, keptFor, hashed } = found
    const args = [epoch, offset, json, from, to, rules, traceparent, value, keptFor] as const
    const ownArgs = [own?.prefix, own?.epoch, own?.offset] as const
    const [isDone] = await this.#runner.onUser(steps.restoreMessage, of, [...args, ...ownArgs], { hashed })
    return isDone === 1
  }
}
