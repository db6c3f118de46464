import { setTimeout as pause } from 'node:timers/promises'
import type { AttachedUsers } from '../messages/attached-users.js'
import type { Leases } from '../nodes/leases.js'
import type { StepRunner } from '../step-runner.js'
import type { RecentCalls } from './recent-calls.js'
import type { RestoredSessions } from './restored-sessions.js'
import type { RecentMessages } from '../messages/recent-messages.js'

/** Milliseconds for which this node waits for what other nodes store again (as in `scripts/state/history.ts`), and between two looks. */
const SETTLE_TIME = 5_000
const LOOK_INTERVAL = 50
/** Milliseconds by which the clocks of an old and a new master may differ. */
const CLOCK_DIFFERENCE = 1_000

/** What is known about the history of a server (`scripts/state/history.ts`). */
export interface History {
  readonly number: number
  /** The generation of the epochs. */
  readonly generation: number
  readonly isUnsettled: boolean
  /** By the monotonic clock of this process: the server lacks no write from before this time. */
  readonly wholeUntil: number
}

/** A server that perhaps lacks messages since a time. This node waits for other nodes until another time. Both are by the monotonic clock. */
interface Doubt {
  readonly history: History
  readonly since: number
  readonly until: number
}

export interface SettlementOptions {
  runner: StepRunner
  recent: RecentMessages
  attached: AttachedUsers
  calls: RecentCalls
  leases: Leases
  restored: RestoredSessions
  onError: (error: unknown) => void
}

/**
 * Settles the history of a server that was restarted, or whose replica has become the master. Stores again the messages that this node was
 * told are stored and that the server lacks. Then says whether the server has all that this node knows of. If all nodes say so, the epochs
 * stay and no client notices anything.
 */
export class Settlement {
  readonly #options: SettlementOptions
  /** The servers for which this node has to do its part. */
  readonly #due = new Map<number, { said: Promise<void>; onSaid: () => void }>()
  #running: Promise<void> | undefined
  /** For each server, the history for which this node has done its part. */
  readonly #done = new Map<number, History>()
  /** The numbers of the histories that were unsettled when this node opened. This node knows nothing of the time before them. */
  readonly #foreign = new Map<number, number>()
  #isStopped = false

  constructor(options: SettlementOptions) {
    this.#options = options
  }

  /**
   * Called when the history of a server has changed, or steps wait for its settlement. Resolves when this node has said whether the server
   * has all that it knows of.
   */
  begin(server: number): Promise<void> {
    const known = this.#due.get(server)
    if (known || this.#isStopped) return known?.said ?? Promise.resolve()
    let onSaid = (): void => undefined
    const said = new Promise<void>((resolve) => (onSaid = resolve))
    this.#due.set(server, { said, onSaid })
    this.#running ??= this.#run()
    return said
  }

  /** Called with the histories that this node has found when it opened. */
  open(histories: ReadonlyMap<number, History>): void {
    for (const [server, history] of histories)
      if (history.isUnsettled) {
        this.#foreign.set(server, history.number)
        void this.begin(server)
      } else this.#done.set(server, history)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  /** Reads the histories of servers. A history that has changed gets another number first. */
  async read(servers: readonly number[]): Promise<Map<number, History>> {
    const { runner } = this.#options
    const lists = await runner.inPartitions(runner.steps.listHistories, servers, '', [])
    const now = performance.now()
    return new Map(
      servers.map((server, n) => {
        const [number, generation, isUnsettled, age] = lists[n] ?? [0, 0, 0, 0]
        return [server, { number, generation, isUnsettled: isUnsettled === 1, wholeUntil: now - age }]
      }),
    )
  }

  /** Does this node's part for all servers that are due. A server that does not answer is left to the next recovery. Never rejects. */
  async #run(): Promise<void> {
    const { calls, restored, onError } = this.#options
    const doubts = new Map<number, Doubt>()
    for (; this.#due.size > 0; await pause(LOOK_INTERVAL)) {
      const added = new Map<number, Doubt>()
      const servers = [...this.#due.keys()].filter((server) => !doubts.has(server))
      await Promise.all(
        servers.map((server) => this.#look(server, added).catch(this.#giveUp(server, doubts))),
      )
      for (const [server, doubt] of added) doubts.set(server, doubt)
      // Steps that name an epoch wait until the history is settled, so `Recovery` repeats them.
      await calls.repeat(timesOf(added), false).catch(onError)
      // Clients resume their sessions as soon as the history is settled.
      const numbers = new Map([...added].map(([server, { history }]) => [server, history.number]))
      await restored.restore(numbers).catch(onError)
      if (doubts.size > 0) await this.#settle(doubts)
      if (this.#isStopped) for (const server of this.#due.keys()) this.#end(server, doubts)
    }
    this.#running = undefined
  }

  /** Reads the history of a server, which becomes a doubt unless this node has done its part. */
  async #look(server: number, doubts: Map<number, Doubt>): Promise<void> {
    const history = (await this.read([server])).get(server)
    const done = this.#done.get(server)
    if (!history || (done?.number === history.number && done.generation === history.generation))
      return this.#end(server, doubts)
    const until = performance.now() + (history.isUnsettled ? SETTLE_TIME : 0)
    doubts.set(server, { history, since: history.wholeUntil - CLOCK_DIFFERENCE, until })
  }

  /**
   * Stores messages again that servers lack. Says of each server that has all messages that it has them, and of each that still lacks some
   * after `until` that it lacks them. If another generation begins meanwhile, the messages go to the ends of their inboxes.
   */
  async #settle(doubts: Map<number, Doubt>): Promise<void> {
    const { recent, attached, onError } = this.#options
    const lacking = await recent.restore(timesOf(doubts), onError)
    const behind = await attached.compare(attached.usersOn(doubts), onError)
    const said = [...doubts].flatMap(([server, doubt]) => {
      const hasAll = !lacking.has(server) && !behind.has(server)
      if (!hasAll && performance.now() < doubt.until) return []
      return [
        this.#say(server, doubt, hasAll).then(() => this.#end(server, doubts), this.#giveUp(server, doubts)),
      ]
    })
    await Promise.all(said)
  }

  async #say(server: number, { history, since }: Doubt, hasAll: boolean): Promise<void> {
    const { runner, recent, leases } = this.#options
    // A node that does not know who has stored messages since then can't vouch for the server.
    const isKnown = recent.hasAllSince(since) && leases.knownSince <= since
    const canVouch = isKnown && this.#foreign.get(server) !== history.number
    const says = hasAll ? (canVouch ? '1' : '') : '0'
    await runner.onPartition(runner.steps.keepHistory, server, [history.number, says, ...leases.recent])
    this.#done.set(server, history)
  }

  #giveUp(server: number, doubts: Map<number, Doubt>): (error: unknown) => void {
    return (error) => {
      this.#options.onError(error)
      this.#end(server, doubts)
    }
  }

  #end(server: number, doubts: Map<number, Doubt>): void {
    doubts.delete(server)
    this.#due.get(server)?.onSaid()
    this.#due.delete(server)
  }
}

/** Returns for each server since when it perhaps lacks messages. */
const timesOf = (doubts: ReadonlyMap<number, Doubt>): Map<number, number> =>
  new Map([...doubts].map(([server, { since }]) => [server, since]))
