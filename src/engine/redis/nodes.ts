import type { Store } from './store.js'

/** How long the other nodes count this one as alive after its last beat, in milliseconds, and how often it beats. */
const LEASE = 10_000
const BEAT_INTERVAL = 1_000
/** How many users of a dead node are detached in one step. */
const USERS_PER_STEP = 100

export interface NodesOptions {
  store: Store
  /** Called when the other nodes have counted this one as dead, so that its sessions are held. */
  onLost: () => void
  /** Called after each beat: Redis can be reached. */
  onBeat: () => Promise<void>
  onError: (error: unknown) => void
}

/** The nodes that share a Redis: each knows which live, sweeps its share of the partitions, and holds the sessions of dead ones. */
export class Nodes {
  readonly #options: NodesOptions
  #live: string[] = []
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(options: NodesOptions) {
    this.#options = options
  }

  /** Whether no other node lives. */
  get isAlone(): boolean {
    return this.#live.every((id) => id === this.#options.store.nodeId)
  }

  sweeps(partition: number): boolean {
    const index = this.#live.indexOf(this.#options.store.nodeId)
    return index >= 0 && partition % this.#live.length === index
  }

  async start(): Promise<void> {
    await this.#beat(true)
    this.#schedule()
  }

  /** Holds this node's sessions, and leaves. */
  async leave(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#running
    const { store } = this.#options
    await this.#detach(store.partitions.all, store.nodeId)
    await store.onPartition(store.steps.removeNode, 0, [store.nodeId])
  }

  #schedule(): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => {
      this.#running = this.#beat(false)
        .catch(this.#options.onError)
        .finally(() => this.#schedule())
    }, BEAT_INTERVAL).unref()
  }

  async #beat(isNew: boolean): Promise<void> {
    const { store, onLost, onBeat } = this.#options
    const [wasLost, dead, live] = await store.onPartition(store.steps.beat, 0, [
      String(LEASE),
      isNew ? '1' : '0',
    ])
    this.#live = (live as string[]).toSorted()
    if (wasLost === 1) onLost()
    await onBeat()
    for (const node of dead as string[]) await this.#bury(node)
  }

  /** Holds a dead node's sessions in this node's partitions. The first node forgets it once no partition has one. */
  async #bury(dead: string): Promise<void> {
    const { store } = this.#options
    await this.#detach(
      store.partitions.all.filter((each) => this.sweeps(each)),
      dead,
    )
    if (!this.sweeps(0)) return
    const left = await store.onEveryPartition(store.steps.listAttached, '', [dead, '1'])
    if (left.every((members) => members.length === 0))
      await store.onPartition(store.steps.removeNode, 0, [dead])
  }

  async #detach(partitions: readonly number[], node: string): Promise<void> {
    const { store } = this.#options
    for (let left = partitions; left.length > 0;) {
      const lists = await store.inPartitions(store.steps.listAttached, left, '', [
        node,
        String(USERS_PER_STEP),
      ])
      await Promise.all(
        lists.flat().map((member) => {
          const [, appId = '', userId = ''] = String(member).split('\0')
          return store.onUser(store.steps.detachNode, { appId, userId }, [node])
        }),
      )
      left = left.filter((_partition, n) => lists[n]?.length === USERS_PER_STEP)
    }
  }
}
