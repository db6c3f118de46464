import { setTimeout as pause } from 'node:timers/promises'
import type { AttachedUsers } from '../messages/attached-users.js'
import type { Leases } from '../nodes/leases.js'
import type { StepRunner } from '../step-runner.js'
import type { RecentMessages } from '../messages/recent-messages.js'

/** Milliseconds for which this node waits for what other nodes store again (`SETTLE_TIME` in `lua/state.lua`), and between two looks. */
const SETTLE_TIME = 5_000
const LOOK_INTERVAL = 50
/** Milliseconds by which the clocks of an old and a new master may differ. */
const CLOCK_DIFFERENCE = 1_000

/** What is known about the history of a server (`lua/state.lua`). */
export interface History {
  readonly number: number
  /** The generation of the epochs. */
  readonly generation: number
  readonly isUnsettled: boolean
  /** By the monotonic clock of this process: the server lacks no write from before this time. */
  readonly wholeUntil: number
}

export interface SettlementOptions {
  runner: StepRunner
  recent: RecentMessages
  attached: AttachedUsers
  leases: Leases
  /** Makes again what this node has lately done with sessions. */
  restoreSessions: (numbers: ReadonlyMap<number, number>) => Promise<void>
  onError: (error: unknown) => void
}

/**
 * Settles the history of a server that was restarted, or whose replica has become the master. Stores again the messages that this node was
 * told are stored and that the server lacks. Then says whether the server has all that this node knows of. If all nodes say so, the epochs
 * stay and no client notices anything.
 */
export class Settlement {
  readonly #options: SettlementOptions
  /** The servers whose settlement runs. In a cluster each partition counts as a server. */
  readonly #running = new Map<number, Promise<void>>()
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
    const known = this.#running.get(server)
    if (known || this.#isStopped) return known ?? Promise.resolve()
    const running = this.#settle(server)
      .catch(this.#options.onError)
      .finally(() => this.#running.delete(server))
    this.#running.set(server, running)
    return running
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
    await Promise.all(this.#running.values())
  }

  /** Reads the histories of servers. A history that has changed gets another number first. */
  async read(servers: readonly number[]): Promise<Map<number, History>> {
    const { runner } = this.#options
    const lists = await runner.inPartitions(runner.steps.listHistories, servers, '', [])
    const now = performance.now()
    return new Map(
      servers.map((server, n) => {
        const [number, generation, isUnsettled, age] = lists[n] ?? []
        return [
          server,
          {
            ...{ number: Number(number), generation: Number(generation) },
            ...{ isUnsettled: isUnsettled === 1, wholeUntil: now - Number(age) },
          },
        ]
      }),
    )
  }

  async #settle(server: number): Promise<void> {
    const { runner, recent, leases, restoreSessions } = this.#options
    const history = (await this.read([server])).get(server)
    if (!history || this.#isDone(server, history)) return
    const { number } = history
    const since = history.wholeUntil - CLOCK_DIFFERENCE
    // Clients resume their sessions as soon as the history is settled.
    await restoreSessions(new Map([[server, number]]))
    const hasAll = await this.#untilWhole(server, since, history.isUnsettled ? SETTLE_TIME : 0)
    // A node that does not know who has stored messages since then can't vouch for the server.
    const isKnown = recent.hasAllSince(since) && leases.knownSince <= since
    const canVouch = isKnown && this.#foreign.get(server) !== number
    const args = [String(number), hasAll ? (canVouch ? '1' : '') : '0', ...leases.recent]
    await runner.onPartition(runner.steps.keepHistory, server, args)
    this.#done.set(server, history)
  }

  /** Whether this node has done its part for a history, or for the generation that has begun in it. */
  #isDone(server: number, { number, generation }: History): boolean {
    const done = this.#done.get(server)
    return done?.number === number && done.generation === generation
  }

  /**
   * Stores messages again until the server has all that this node knows of. Resolves with false if the server lacks some after `patience`
   * milliseconds. If another generation begins meanwhile, the messages go to the ends of their inboxes.
   */
  async #untilWhole(server: number, since: number, patience: number): Promise<boolean> {
    const { runner, recent, attached } = this.#options
    const partitions = new Set(runner.isCluster ? [server] : runner.partitions.all)
    for (const until = performance.now() + patience; ; await pause(LOOK_INTERVAL)) {
      const isRestored = await recent.restore(partitions, since)
      if ((await attached.compare(runner.isCluster ? server : undefined)) && isRestored) return true
      if (performance.now() >= until) return false
    }
  }
}
