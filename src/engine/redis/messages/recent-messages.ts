import type { UserRef } from '../../engine.js'
import { RecentList } from '../../../util/recent-list.js'
import { userKey } from '../../user-key.js'
import type { RestoreArgs } from '../calls/messages.js'
import type { Texts } from '../calls/values.js'
import type { RunOptions, StepRunner } from '../step-runner.js'

/** For how many beats (`Leases`), a second apart, messages are kept, and how many bytes they may take. */
const KEPT_FOR = 30
const MAX_BYTES = 32_000_000
/** About how many bytes a text takes besides its characters. */
const OVERHEAD = 24

/** A message in an inbox: the user of the inbox, the key by which a retry finds the message, and what `restoreMessage` takes. */
export interface RecentMessage<Args = RestoreArgs> {
  readonly of: UserRef
  readonly hashed: NonNullable<RunOptions['hashed']>
  readonly args: Readonly<Args>
}

/** A message that was noted as a text. */
type Noted = RecentMessage<Texts<RestoreArgs>>

/** Returns the inboxes in which `restoreMessage` puts a message. */
const inboxesOf = ({ of, args: [, , , from, , , , , senderPrefix] }: Noted): string[] =>
  (senderPrefix === '' ? [of] : [of, { ...of, userId: from }]).map(userKey)

const notedIn = (text: string): Noted => {
  const [appId = '', userId = '', hashed, ...args] = text.split('\0')
  return { of: { appId, userId }, hashed, args } as unknown as Noted
}

/**
 * The messages of the last seconds of which this node was told that they are stored. A failover may lose them, and only this node can store
 * them again.
 */
export class RecentMessages {
  readonly #runner: StepRunner
  /**
   * Each message as one text, with NUL between its items: no id and no JSON has this character. As objects the messages of so many seconds
   * cost a send a seventh of this process's time, because the garbage collector copies and traces each object.
   */
  readonly #noted = new RecentList<string>({ keptFor: KEPT_FOR, maxBytes: MAX_BYTES })

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  note({ of, hashed, args }: RecentMessage): void {
    const text = [of.appId, of.userId, hashed, ...args].join('\0')
    this.#noted.note(text, text.length + OVERHEAD)
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
   * A message waits for the earlier ones of its inboxes, because other epochs may begin meanwhile, in which it would go before them. A server
   * that does not answer counts as one that lacks messages.
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
      const left: Noted[] = []
      const waiting = new Set<string>()
      for (const message of lacking) {
        const server = this.#serverOf(message)
        if (away.has(server)) continue
        const inboxes = inboxesOf(message)
        const isDone =
          !inboxes.some((inbox) => waiting.has(inbox)) &&
          (await this.#restore(message).catch((error: unknown) => noteAway(server, error)))
        if (isDone !== false) continue
        left.push(message)
        for (const inbox of inboxes) waiting.add(inbox)
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
  ): Promise<Noted[]> {
    const messages = this.#noted.since(Math.min(...times.values())).map(notedIn)
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
    return concerned.filter(({ of, args }) => {
      const [epoch, offset] = newest.get(userKey(of)) ?? [0, 0]
      return Number(args[0]) !== epoch || Number(args[1]) > offset
    })
  }

  #serverOf({ of }: Noted): number {
    return this.#runner.serverOf(this.#runner.partitions.of(of))
  }

  /** Resolves with false if the message must wait for messages before it. */
  async #restore({ of, hashed, args }: Noted): Promise<boolean> {
    const [isDone] = await this.#runner.onUser(this.#runner.steps.restoreMessage, of, args, { hashed })
    return isDone === 1
  }
}
