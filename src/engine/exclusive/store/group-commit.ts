import { setImmediate as nextTurn } from 'node:timers/promises'
import { EngineError } from '../../errors.js'
import { Overlay, type DeferredWrite } from './overlay.js'
import { read, type Operation, type Store } from './store.js'

/** The callbacks of a write. */
export interface Waiter {
  /** Called when the write is synced, in the order of the writes. Must not throw. */
  resolve(): void
  reject(error: EngineError): void
}

const isBun = process.versions['bun'] !== undefined

const failureOf = (cause: unknown): EngineError =>
  cause instanceof EngineError
    ? cause
    : new EngineError(
        'unavailable',
        'A write failed: look for a full or failing disk. The engine accepts writes again once it could open its store again.',
        { cause },
      )

/** Milliseconds that a deferred write waits, so that other writes can share its batch. */
const DEFER_DELAY = 10

/**
 * Milliseconds from the beginning of one batch to the beginning of the next, unless an urgent write waits. The write of a message is
 * urgent. Node accepts one connection in each turn of its event loop. So without this wait each of many sessions that start together would
 * have a batch of its own. A session that starts alone does not wait.
 */
export const SPACING = 3

/**
 * All writes of an engine to its store go through a group commit. While one batch is written, the next gathers the writes that come
 * meanwhile, so that many writes share one sync. Except for `defer`, writes keep the order of their calls. A batch has every write that
 * came before the batch began.
 *
 * A failed batch is the last one. After a failed sync the contents of the disk are unknown, and a second sync may report success for pages
 * that the kernel has dropped. After a half-written record, LevelDB's next recovery may skip the records that follow. So the commit refuses
 * every later write. The engine then opens the store again, with another group commit.
 */
export class GroupCommit {
  readonly #store: Store
  readonly #onFailure: (failure: EngineError) => void
  readonly #assertPresent: () => void
  readonly #spacing: number
  readonly #overlay = new Overlay()
  #operations: Operation[] = []
  #waiters: Waiter[] = []
  /** Called when the next batch is written. */
  #onWritten: (() => void)[] = []
  /** The callbacks of those who wait for `flush`. */
  #flushes: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined
  /** When the timer fires, and when the last batch began, by the monotonic clock. */
  #timerAt = Infinity
  #lastBegin = -Infinity
  /** Whether an urgent write waits, for which `SPACING` does not count. */
  #isUrgent = false
  #running: Promise<void> | undefined
  #failure: EngineError | undefined
  /** Why writes are refused, once the commit is closed or has failed. */
  #refusal: EngineError | undefined

  /**
   * `onFailure` is called at the first failure, because a deferred write has no caller who would get the error. A synced batch also fails
   * if `assertPresent` throws after it, because then the batch was written to files that are gone. `spacing` is 0 for a store in memory,
   * where a batch costs nothing.
   */
  constructor(
    store: Store,
    onFailure: (failure: EngineError) => void,
    assertPresent: () => void = () => undefined,
    spacing = SPACING,
  ) {
    this.#spacing = spacing
    this.#store = store
    this.#onFailure = onFailure
    this.#assertPresent = assertPresent
  }

  get isWritable(): boolean {
    return this.#refusal === undefined
  }

  /** Throws `unavailable` if the commit is closed or a batch has failed. */
  assertWritable(): void {
    if (this.#refusal) throw this.#refusal
  }

  /**
   * Returns the parsed value of a row as all writes so far leave it, also those that are not written yet. Deferred writes don't count,
   * because the state that they write is in memory. Throws as `read` does.
   */
  newest(row: string): unknown {
    const operation = this.#overlay.get(row)
    if (!operation) return read(this.#store, row)
    return operation.type === 'put' ? JSON.parse(operation.value) : undefined
  }

  /** Returns whether the store perhaps returns an older row than `newest`. */
  isPending(row: string): boolean {
    return this.#overlay.get(row) !== undefined
  }

  /** Returns whether the store has the row as it is in memory. A row of a deferred write must be the name of that write. */
  isWritten(row: string): boolean {
    return this.#overlay.isWritten(row)
  }

  /** Writes and syncs, then calls the waiter. Throws as `assertWritable` does. */
  write(operations: Operation[], waiter: Waiter): void {
    this.assertWritable()
    this.#isUrgent = true
    this.#add(operations, waiter)
  }

  /**
   * Resolves when the operations are synced. Rejects with `unavailable` if writes are refused, or if the operations are perhaps not synced.
   */
  sync(operations: Operation[]): Promise<void> {
    return new Promise((resolve, reject) => this.write(operations, { resolve, reject }))
  }

  /** As `sync`, but waits up to `SPACING` milliseconds, so that writes at about the same time share a batch. */
  syncSpaced(operations: Operation[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.assertWritable()
      this.#add(operations, { resolve, reject })
    })
  }

  /**
   * Writes a state in memory with the next batch, as the state is then, and without asking for a sync. That batch begins with the next
   * synced write, or after some milliseconds if none comes. Within a batch deferred writes come last, and a deferred write replaces an
   * earlier one of the same name. If writes are refused, this does nothing, because the recovery writes the state in memory to the store
   * that it opens.
   */
  defer(name: string, write: DeferredWrite): void {
    if (this.#refusal) return
    this.#overlay.defer(name, write)
    this.#schedule()
  }

  /**
   * Writes as soon as `defer` does, and without asking for a sync, but in the order of the calls of `append`, `write` and `sync`. Then calls
   * `onWritten`.
   */
  append(operations: Operation[], onWritten?: () => void): void {
    if (this.#refusal) return
    this.#push(operations)
    if (onWritten) this.#onWritten.push(onWritten)
    this.#schedule()
  }

  /**
   * As `append`, for a change whose caller was told already that it is done. If the batch fails, or writes are refused, `newest` returns
   * the change all the same, and the recovery writes it with `takeOver`.
   */
  keep(operations: Operation[]): void {
    for (const operation of operations) this.#overlay.keep(operation.key, operation)
    this.append(operations)
  }

  /** As `defer`, for a state that outlives this commit: if it is not written, the recovery writes it with `takeOver`. */
  deferKept(name: string, write: DeferredWrite): void {
    this.#overlay.keep(name, write)
    this.defer(name, write)
  }

  /** Writes what `failed` has kept. */
  takeOver(failed: GroupCommit): void {
    for (const [row, change] of failed.#overlay.kept)
      if (typeof change === 'function') this.deferKept(row, change)
      else this.keep([change])
  }

  /**
   * Resolves, within milliseconds, when the kernel has every write so far. Then the writes survive a crash of this process, but not a power
   * cut. Also resolves after a failure, because the recovery then writes the state in memory.
   */
  flush(): Promise<void> {
    if (this.#refusal) return Promise.resolve()
    return new Promise((resolve) => {
      this.#flushes.push(resolve)
      this.#schedule()
    })
  }

  /** Resolves when every write so far has ended, and whoever waited for one has gone on, perhaps with further writes. */
  async idle(): Promise<void> {
    do {
      await this.flush()
      await this.#running
      await nextTurn()
    } while (this.#running || this.#waiters.length > 0)
  }

  /** If the medium is gone, refuses all writes from now on, as after a failed batch. */
  verify(): void {
    if (this.#refusal) return
    try {
      this.#assertPresent()
    } catch (cause) {
      this.#fail([], cause)
    }
  }

  /**
   * Calls `change`, which reads rows and changes the state in memory. If a read fails in between, that state has only a part of the change.
   * Then all writes are refused from now on, as after a failed batch, and the recovery reads the state from the store.
   */
  change<T>(change: () => T): T {
    try {
      return change()
    } catch (error) {
      this.fail(error)
      throw error
    }
  }

  /** Refuses all writes from now on, as after a failed batch. See `change`. */
  fail(cause: unknown): void {
    if (!this.#refusal) this.#fail([], cause)
  }

  /** Refuses further writes, and resolves when the earlier ones have ended. */
  async close(): Promise<void> {
    this.#refusal ??= new EngineError('unavailable', 'The engine is closed: call open() first.')
    // The deferred writes are called now, because they read the state in memory. Later they would also write parts of changes that were
    // made after this call, and whose other writes are refused.
    try {
      if (!this.#failure) this.#overlay.begin(this.#operations)
    } catch (cause) {
      // A deferred write may read the store. Without this line the caller would not close the store, and the folder would stay locked.
      this.#fail([], cause)
    }
    await this.#running
    if (this.#waiters.length + this.#flushes.length > 0 || this.#hasWrites) await this.#start()
    this.#clearTimer()
  }

  get #hasWrites(): boolean {
    return this.#overlay.hasDeferred || this.#operations.length > 0
  }

  #add(operations: Operation[], waiter: Waiter): void {
    this.#push(operations)
    this.#waiters.push(waiter)
    this.#schedule()
  }

  #push(operations: readonly Operation[]): void {
    for (const operation of operations) this.#operations.push(operation)
    this.#overlay.add(operations)
  }

  /**
   * Begins the next batch if it is due, or sets the timer. Does nothing while a batch runs, because `#run` calls `#schedule` at its end.
   */
  #schedule(): void {
    if (this.#running) return
    if (this.#isUrgent) return void this.#start()
    const isWaiting = this.#waiters.length + this.#flushes.length > 0
    // If a timer is set, it fires early enough for a deferred write. To read the clock and set a timer for each write would take 1 µs for
    // each message.
    if (!isWaiting && (!this.#hasWrites || this.#timerAt < Infinity)) return
    const now = performance.now()
    const at = isWaiting ? this.#lastBegin + this.#spacing : now + DEFER_DELAY
    if (at <= now) void this.#start()
    else if (at < this.#timerAt) {
      clearTimeout(this.#timer)
      this.#timerAt = at
      this.#timer = setTimeout(() => this.#onTimer(), at - now)
    }
  }

  /** Begins a batch if a write waits. Perhaps none waits, because a batch that begins earlier does not cancel the timer. */
  #onTimer(): void {
    this.#timerAt = Infinity
    if (this.#hasWrites && !this.#running) void this.#start()
    else this.#schedule()
  }

  #start(): Promise<void> {
    return (this.#running ??= this.#run())
  }

  #clearTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#timerAt = Infinity
  }

  async #run(): Promise<void> {
    // The batch begins a microtask later, so that the writes of one task share it. Bun runs microtasks after each frame that arrives. So on
    // Bun a batch for a disk begins a turn of the event loop later. A store in memory does not wait for that turn, because there a batch
    // costs nothing, and because the frame `started` can then go out together with the answer to the WebSocket's handshake.
    await (isBun && this.#spacing > 0 ? nextTurn() : Promise.resolve())
    do await this.#writeBatch()
    while (this.#isUrgent)
    this.#running = undefined
    this.#schedule()
  }

  async #writeBatch(): Promise<void> {
    // If `verify` failed after the start, no writes are left. Without this line they would count as written.
    if (this.#failure) return
    const [operations, waiters, flushes] = [this.#operations, this.#waiters, this.#flushes]
    const onWritten = this.#onWritten
    this.#operations = []
    this.#waiters = []
    this.#flushes = []
    this.#onWritten = []
    this.#isUrgent = false
    this.#lastBegin = performance.now()
    try {
      this.#overlay.begin(operations)
      if (operations.length > 0) await this.#store.batch(operations, { sync: waiters.length > 0 })
      if (waiters.length > 0) this.#assertPresent()
      this.#overlay.end()
      for (const call of onWritten) call()
    } catch (cause) {
      this.#fail(waiters, cause)
      return
    } finally {
      for (const resolve of flushes) resolve()
    }
    for (const waiter of waiters) waiter.resolve()
  }

  /**
   * Rejects `waiters` and all later writes. Only the first failure is reported: if `verify` fails while a batch runs, that batch may fail,
   * too.
   */
  #fail(waiters: Waiter[], cause: unknown): void {
    const isFirst = this.#failure === undefined
    const failure = (this.#failure ??= failureOf(cause))
    this.#refusal = failure
    this.#isUrgent = false
    this.#clearTimer()
    const all = [...waiters, ...this.#waiters]
    this.#operations = []
    this.#overlay.drop()
    this.#waiters = []
    for (const resolve of this.#flushes.splice(0)) resolve()
    for (const waiter of all) waiter.reject(failure)
    if (isFirst) this.#onFailure(failure)
  }
}
