import { setTimeout as pause } from 'node:timers/promises'
import type { AttachedUsers } from '../messages/attached-users.js'
import type { Leases } from '../nodes/leases.js'
import type { StepRunner } from '../step-runner.js'
import type { RecentMessages } from '../messages/recent-messages.js'

/** Milliseconds for which this node waits for what other nodes store again (`SETTLE_TIME` in `lua/state.lua`), and between two looks. */
const SETTLE_TIME = 3_000
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
    if (!history?.isUnsettled) return
    const { number } = history
    const since = history.wholeUntil - CLOCK_DIFFERENCE
    // Clients resume their sessions as soon as the history is settled.
    await restoreSessions(new Map([[server, number]]))
    const hasAll = await this.#untilWhole(server, since)
    // A node that does not know who has stored messages since then can't vouch for the server.
    const canVouch = recent.hasAllSince(since) && leases.knownSince <= since
    const args = [String(number), hasAll ? (canVouch ? '1' : '') : '0', ...leases.recent]
    await runner.onPartition(runner.steps.keepHistory, server, args)
  }

  /** Stores messages again until the server has all that this node knows of. Resolves with false if it lacks some for too long. */
  async #untilWhole(server: number, since: number): Promise<boolean> {
    const { runner, recent, attached } = this.#options
    const partitions = new Set(runner.isCluster ? [server] : runner.partitions.all)
    for (
      const until = performance.now() + SETTLE_TIME;
      performance.now() < until;
      await pause(LOOK_INTERVAL)
    ) {
      const isRestored = await recent.restore(partitions, since)
      if ((await attached.compare(runner.isCluster ? server : undefined)) && isRestored) return true
    }
    return false
  }
}
