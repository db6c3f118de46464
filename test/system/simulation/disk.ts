import type { Engine } from '../../../src/engine/engine.js'
import type { Operation, Volume } from '../../../src/engine/exclusive/store/store.js'
import { MemoryStore } from '../../../src/engine/memory/memory-store.js'
import type { Medium, ProcessModules } from './site.js'
import type { Owner } from './timers.js'
import type { World } from './world.js'

interface Written {
  operations: Operation[]
  /** Whether the kernel has it: a crash of the process does not lose it. */
  inKernel: boolean
}

/** How a batch ends. */
type Fault = 'none' | 'not written' | 'written, and reported as failed' | 'hangs'

/**
 * A disk with one LevelDB. A batch is readable once it is written. A batch without a sync can be lost in a power cut, and so can a batch
 * that is under way in any crash; those that are lost are always the latest.
 */
export class Disk implements Medium {
  readonly nodes = 1
  readonly #world: World
  /** What no crash can take away. */
  #synced = new Map<string, string>()
  /** The batches since the last sync, in order. */
  #unsynced: Written[] = []
  #hanging: (() => void)[] = []
  /** What happens to the next batches. */
  fault: Fault = 'none'
  /** The share of the reads that fail, as those of a process with too many open files. */
  failingReads = 0
  /** Milliseconds that a batch takes. */
  delay: [number, number] = [0, 4]
  opened = 0

  constructor(world: World) {
    this.#world = world
  }

  get isWell(): boolean {
    return this.fault === 'none'
  }

  engineFor(_owner: Owner, modules: ProcessModules, onError: (cause: unknown) => void): Engine {
    return modules.createExclusiveEngine(() => this.open(), { onError })
  }

  /** The rows that no crash can take away. */
  get synced(): ReadonlyMap<string, string> {
    return this.#synced
  }

  /** The machine loses its power, or the process is killed: what a new process reads is a prefix of what was written. */
  crash(kind: 'power' | 'process'): void {
    const lost = (written: Written): boolean =>
      kind === 'power' || !written.inKernel ? this.#world.random.chance(0.5) : false
    const first = this.#unsynced.findIndex(lost)
    for (const { operations } of first < 0 ? this.#unsynced : this.#unsynced.slice(0, first))
      this.#keep(operations)
    this.#unsynced = []
    this.#hanging = []
    this.fault = 'none'
    this.failingReads = 0
  }

  /** A disk that hung goes on. */
  goOn(): void {
    this.fault = 'none'
    this.failingReads = 0
    for (const go of this.#hanging.splice(0)) go()
  }

  /** Opens the LevelDB: what was written, whether synced or not, is there. */
  open(): Promise<Volume> {
    this.opened += 1
    for (const { operations } of this.#unsynced) this.#keep(operations)
    this.#unsynced = []
    const store = new MemoryStore()
    const sorted = [...this.#synced].sort(([a], [b]) => (a < b ? -1 : 1))
    void store.batch(sorted.map(([key, value]) => ({ type: 'put', key, value })))
    let isOpen = true
    const whileOpen = <T>(work: () => T): T => {
      if (!isOpen) throw new Error('The store is closed.')
      return work()
    }
    const read = <T>(work: () => T): T => {
      if (this.failingReads > 0 && this.#world.random.chance(this.failingReads))
        throw new Error('The disk has failed to read.')
      return whileOpen(work)
    }
    return Promise.resolve({
      store: {
        getSync: (key) => read(() => store.getSync(key)),
        iterator: (range) => ({
          all: async () => {
            await this.#wait()
            return read(() => store.iterator(range).all())
          },
        }),
        batch: async (operations, { sync }) => {
          const { fault } = this
          const written: Written = { operations: [...operations], inKernel: false }
          if (fault === 'hangs') await new Promise<void>((go) => this.#hanging.push(go))
          if (fault === 'not written') {
            await this.#wait()
            throw new Error('The disk is full.')
          }
          whileOpen(() => this.#unsynced.push(written))
          await this.#wait()
          written.inKernel = true
          if (fault === 'written, and reported as failed') throw new Error('The sync failed.')
          // The sync covers the batches up to this one, and none that came later.
          if (sync) this.#syncUpTo(written)
          whileOpen(() => void store.batch(operations))
        },
        close: async () => {
          await this.#wait()
          isOpen = false
        },
      },
      isPersistent: true,
      identity: 'the disk',
      cacheBytes: 20_000,
      assertPresent: () => undefined,
      probe: () =>
        this.fault === 'none' ? Promise.resolve() : Promise.reject(new Error('The disk still fails.')),
      maintain: () => Promise.resolve(),
    })
  }

  #syncUpTo(last: Written): void {
    const count = this.#unsynced.indexOf(last) + 1
    for (const { operations } of this.#unsynced.splice(0, count)) this.#keep(operations)
  }

  #keep(operations: Operation[]): void {
    for (const operation of operations)
      if (operation.type === 'put') this.#synced.set(operation.key, operation.value)
      else this.#synced.delete(operation.key)
  }

  #wait(): Promise<void> {
    const [from, to] = this.delay
    return new Promise((resolve) => setTimeout(resolve, from + this.#world.random.next() * (to - from)))
  }
}
