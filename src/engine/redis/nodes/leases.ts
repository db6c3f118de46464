import type { LeaseLost, UserRef } from '../../engine.js'
import type { StepRunner } from '../step-runner.js'

/** How many milliseconds a lease lasts. Until its lease ends, a node counts as alive. Each beat renews the lease. */
const LEASE = 10_000
/** Milliseconds between two beats. */
const BEAT_INTERVAL = 1_000
/** The nodes that lived at one of so many beats are known. */
const KNOWN_BEATS = 30
/** For how many users at once a node's sessions are detached. Between two such groups other calls of this node run. */
const USERS_PER_STEP = 100

export interface LeasesOptions {
  runner: StepRunner
  onError: (error: unknown) => void
}

/** What a node does at its beats. */
export interface BeatWork {
  /** Called when Redis no longer knows this node. */
  onLost: (cause: LeaseLost['cause']) => void
  /** Called after each beat that Redis has answered, unless the promise of the last call is pending. No beat waits for that promise. */
  onBeat: () => Promise<void>
}

/** When a beat has found that a node is dead, and when the node's connections were lost, by the clock of Redis. */
interface Death {
  deadAt: number
  lostAt: number | undefined
}

/**
 * The nodes that share a Redis. Each node knows which nodes live, sweeps its share of the partitions, and detaches the sessions of dead
 * nodes.
 */
export class Leases {
  readonly #options: LeasesOptions
  #live: string[] = []
  /** The nodes that have or had a lease. If a lease has ended, a beat finds the node dead, unless Redis was away when it ended. */
  #known = new Set<string>()
  /** The times of the last beats that Redis has answered, by the monotonic clock. The first may be the earliest `knownSince`. */
  #beats: number[] = []
  /** For each node, the time of the beat that last found it alive. */
  readonly #seen = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  /**
   * The beat that runs, and the work that beats have started, by name. Each may take longer than the interval of beats, so work of one name
   * does not begin again while it runs.
   */
  readonly #work = new Map<string, Promise<void>>()
  /** Since when the server has its data. Null before the first beat that Redis has answered: until then this node has no lease to lose. */
  #madeAt: string | null = null
  #beatWork: BeatWork | undefined
  #isStopped = false

  constructor(options: LeasesOptions) {
    this.#options = options
  }

  /** Whether no other node lives. */
  get isAlone(): boolean {
    return this.#live.every((id) => id === this.#options.runner.nodeId)
  }

  /** The nodes that have lived since `knownSince`. */
  get recent(): string[] {
    return [...this.#seen.keys()]
  }

  /** By the monotonic clock: this node knows which nodes have stored anything since this time. */
  get knownSince(): number {
    return this.#beats[0] ?? Infinity
  }

  sweeps(partition: number): boolean {
    const index = this.#live.indexOf(this.#options.runner.nodeId)
    return index >= 0 && partition % this.#live.length === index
  }

  async start(beatWork: BeatWork): Promise<void> {
    this.#beatWork = beatWork
    await this.#beat()
    const beat = (): void => this.#startWork('beat', () => this.#beat())
    this.#timer = setInterval(beat, BEAT_INTERVAL).unref()
  }

  /** Detaches this node's sessions, and removes this node. */
  async leave(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    await Promise.all(this.#work.values())
    const { runner } = this.#options
    await this.#detach(runner.partitions.all, runner.nodeId)
    await runner.onPartition(runner.steps.removeNode, 0, [runner.nodeId])
  }

  async #beat(): Promise<void> {
    const { runner } = this.#options
    const reply = await runner.onPartition(runner.steps.beat, 0, [LEASE])
    const [wasThere, dead, live, at, madeAt, leftAgo, known] = reply
    const isFirst = this.#madeAt === null
    this.#live = live.toSorted()
    this.#known = new Set(known)
    const now = performance.now()
    // A node whose lease had ended before this node opened has stored nothing in the time of a lease before. A node that has left may have.
    if (isFirst) this.#beats = [now - (leftAgo < 0 ? LEASE : Math.min(LEASE, leftAgo))]
    this.#beats = [...this.#beats, now].slice(-KNOWN_BEATS)
    for (const node of this.#live) this.#seen.set(node, now)
    for (const [node, seenAt] of this.#seen) if (seenAt < this.knownSince) this.#seen.delete(node)
    const isEmptied = madeAt !== this.#madeAt
    this.#madeAt = madeAt
    if (!isFirst && (wasThere === 0 || isEmptied))
      this.#beatWork?.onLost(isEmptied ? 'data-lost' : 'taken-over')
    if (this.#beatWork) this.#startWork('departures', this.#beatWork.onBeat)
    for (const [node, endedAt] of dead) {
      // The dead node's last beat was `LEASE` before its lease ended. It died before its next beat, which was due at `lostAt`.
      const lostAt = endedAt > 0 ? endedAt - LEASE + BEAT_INTERVAL : undefined
      this.#startWork(`node ${node}`, () => this.#bury(node, at, lostAt))
    }
  }

  /** Starts work without waiting for it: a node that waited longer than its lease would lose its sessions. */
  #startWork(name: string, work: () => Promise<void>): void {
    if (this.#isStopped || this.#work.has(name)) return
    const running = work()
      .catch(this.#options.onError)
      .finally(() => this.#work.delete(name))
    this.#work.set(name, running)
  }

  /**
   * Detaches the sessions that a dead node had at `deadAt`, in the partitions that this node sweeps. Their connections were lost at
   * `lostAt`. When no session in any partition is attached to the dead node, the first of the living nodes removes the dead node. If the
   * node comes back meanwhile, it keeps the sessions that start there from then on: nobody would tell it of their detachment.
   */
  async #bury(dead: string, deadAt: number, lostAt: number | undefined): Promise<void> {
    const { runner } = this.#options
    await this.#detach(
      runner.partitions.all.filter((each) => this.sweeps(each)),
      dead,
      { deadAt, lostAt },
    )
    if (!this.sweeps(0)) return
    const left = await runner.inPartitions(runner.steps.listAttached, runner.partitions.all, '', [
      dead,
      1,
      '',
    ])
    if (left.every((members) => members.length === 0))
      await runner.onPartition(runner.steps.removeNode, 0, [dead])
  }

  /**
   * Detaches the sessions of nodes that have no lease. If a failover has lost the lease of a dead node, no beat finds that node, and
   * without this method its sessions would stay attached.
   */
  async detachUnknown(partitions: readonly number[]): Promise<void> {
    const { runner } = this.#options
    const lists = await runner.inPartitions(runner.steps.listNodes, partitions, '', [])
    // The beat comes after the list. A node has its lease before it has sessions, so the beat knows each listed node that lives.
    await this.#beat()
    for (const node of new Set(lists.flat())) {
      if (this.#known.has(node)) continue
      const isThere = lists.map((nodes) => nodes.includes(node))
      await this.#detach(
        partitions.filter((_partition, n) => isThere[n]),
        node,
      )
    }
  }

  /** Resolves with whether none of the user's sessions is attached to the node any more. */
  async #detachUser(of: UserRef, node: string, death: Death | undefined): Promise<boolean> {
    const { runner } = this.#options
    for (let step = ''; ;) {
      const args = [node, step, death?.lostAt, death?.deadAt] as const
      const [next, stays] = await runner.onUser(runner.steps.detachNode, of, args)
      if (next === null) return stays === 0
      step = next
    }
  }

  async #detach(partitions: readonly number[], node: string, death?: Death): Promise<void> {
    const { runner } = this.#options
    for (let left = partitions; left.length > 0;) {
      const lists = await runner.inPartitions(runner.steps.listAttached, left, '', [node, USERS_PER_STEP, ''])
      const members = lists.flat()
      let isDetached = false
      for (let n = 0; n < members.length; n += USERS_PER_STEP) {
        // If this node stops, the other nodes detach the remaining sessions.
        if (this.#isStopped && node !== runner.nodeId) return
        const results = await Promise.all(
          members.slice(n, n + USERS_PER_STEP).map((member) => {
            const [, appId = '', userId = ''] = member.split('\0')
            return this.#detachUser({ appId, userId }, node, death)
          }),
        )
        isDetached ||= results.includes(true)
      }
      // Users whose sessions stay are listed again.
      if (!isDetached) return
      left = left.filter((_partition, n) => lists[n]?.length === USERS_PER_STEP)
    }
  }
}
