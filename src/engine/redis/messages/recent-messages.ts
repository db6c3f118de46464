import type { UserRef } from '../../engine.js'
import { userKey } from '../../user-key.js'
import type { OfPartition, RunOptions, StepRunner } from '../step-runner.js'

/** For how many beats (`Leases`), a second apart, messages are kept, and how many bytes they may take. */
const KEPT_FOR = 30
const MAX_BYTES = 32_000_000
/** About how many bytes a message takes here besides its JSON. */
const OVERHEAD = 500

/** A message in an inbox: what `message-restore.lua` needs. */
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
  /** The rules, in the form in which `lua/rules.lua` reads them. */
  readonly rules: string
  readonly traceparent: string
  /** The hashed key by which a retry finds the message, its value, and the milliseconds for which it is kept; undefined for none. */
  readonly found: (Required<Pick<RunOptions, 'hashed'>> & { value: string; keptFor: string }) | undefined
}

/** The messages that were stored between two beats. */
interface Second {
  /** When this node began to note them, by the monotonic clock. */
  readonly since: number
  readonly messages: (() => readonly RecentMessage[])[]
  bytes: number
}

/**
 * The messages of the last seconds of which this node was told that they are stored. A failover may lose them, and only this node can store
 * them again.
 */
export class RecentMessages {
  readonly #runner: StepRunner
  /** The newest second comes last. */
  #seconds: Second[] = [{ since: performance.now(), messages: [], bytes: 0 }]
  #bytes = 0
  /** Messages from before this time, by the monotonic clock, are forgotten. */
  #forgottenUntil = -Infinity

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  /**
   * Notes a message, with about how many bytes it takes. `copies` returns it as each inbox has it. It is called only after a failover,
   * because this method is called for every message.
   */
  note(bytes: number, copies: () => readonly RecentMessage[]): void {
    const second = this.#seconds.at(-1)
    if (!second) return
    second.messages.push(copies)
    second.bytes += bytes + OVERHEAD
    this.#bytes += bytes + OVERHEAD
  }

  /**
   * Begins another second, and forgets old ones. Must be called after each beat that Redis has answered, so that no message is forgotten
   * while Redis is away.
   */
  beat(): void {
    this.#seconds.push({ since: performance.now(), messages: [], bytes: 0 })
    while (this.#seconds.length > KEPT_FOR || (this.#bytes > MAX_BYTES && this.#seconds.length > 1)) {
      this.#bytes -= this.#seconds.shift()?.bytes ?? 0
      this.#forgottenUntil = this.#seconds[0]?.since ?? 0
    }
  }

  /** Whether all messages since a time, by the monotonic clock, are kept. */
  hasAllSince(time: number): boolean {
    return this.#forgottenUntil <= time
  }

  /**
   * Stores the messages again that were stored since a time, by the monotonic clock, in these partitions, if Redis lacks them. Resolves with
   * whether Redis then has them all. If an inbox also lacks earlier messages, another node must first store those.
   */
  async restore(partitions: ReadonlySet<number>, time: number): Promise<boolean> {
    const inboxes = new Map<string, OfPartition & { messages: RecentMessage[] }>()
    this.#seconds.forEach(({ messages }, n) => {
      const until = this.#seconds[n + 1]?.since ?? Infinity
      if (until < time) return
      for (const message of messages.flatMap((copies) => copies())) {
        const partition = this.#runner.partitions.of(message.of)
        if (!partitions.has(partition)) continue
        const key = userKey(message.of)
        const inbox = inboxes.get(key) ?? { of: message.of, partition, messages: [] }
        inboxes.set(key, inbox)
        inbox.messages.push(message)
      }
    })
    const { steps } = this.#runner
    const results: boolean[] = []
    for (const group of this.#runner.userGroups(inboxes.values())) {
      const newest = await this.#runner.onUsers(steps.newestOffsets, ['user'], group, [
        String(group.users.length),
      ])
      results.push(
        ...(await Promise.all(
          group.users.map(({ messages }, n) =>
            this.#restoreInbox(messages, Number(newest[2 * n]), Number(newest[2 * n + 1])),
          ),
        )),
      )
    }
    return !results.includes(false)
  }

  async #restoreInbox(messages: readonly RecentMessage[], epoch: number, newest: number): Promise<boolean> {
    // An inbox of a later epoch is another one: the user was deleted since.
    const lacking = messages
      .filter((message) => message.epoch > epoch || (message.epoch === epoch && message.offset > newest))
      .toSorted((a, b) => a.offset - b.offset)
    for (const message of lacking) if (!(await this.#restore(message))) return false
    return true
  }

  async #restore({
    of,
    epoch,
    offset,
    json,
    from,
    to,
    rules,
    traceparent,
    found,
  }: RecentMessage): Promise<boolean> {
    const { steps } = this.#runner
    const step = found?.hashed.startsWith('own:') ? steps.restoreOwnCopy : steps.restoreMessage
    const args = [String(epoch), String(offset), json, from, to, rules, traceparent]
    args.push(found?.value ?? '', found?.keptFor ?? '')
    const [isThere] = await this.#runner.onUser(step, of, args, found && { hashed: found.hashed })
    return isThere === 1
  }
}
