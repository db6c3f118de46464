/** The longest delay that `setTimeout` takes, in milliseconds. */
const MAX_DELAY = 2 ** 31 - 1

interface Entry<T> {
  at: number
  item: T
}

/**
 * A heap of items by the time at which they are due, in milliseconds of the clock `now`, with one timer for the earliest. An item
 * whose time changes is added again and stays in the heap twice: the caller compares each due item with its current
 * time.
 */
export class Deadlines<T> {
  /** A binary heap: the earliest entry is the first. */
  readonly #heap: Entry<T>[] = []
  readonly #now: () => number
  readonly #onDue: () => void
  #timer: NodeJS.Timeout | undefined
  /** The time that the timer is set for. */
  #timerAt = Infinity

  /** `onDue` is called when an item may be due. It calls `takeDue`. */
  constructor(now: () => number, onDue: () => void) {
    this.#now = now
    this.#onDue = onDue
  }

  add(at: number, item: T): void {
    const heap = this.#heap
    let index = heap.push({ at, item }) - 1
    while (index > 0 && this.#swapIfEarlier(index, (index - 1) >> 1)) index = (index - 1) >> 1
    this.#setTimer()
  }

  /** Removes up to `limit` items that are due at `now`, and returns them with the earliest first. For the others `onDue` is called again. */
  takeDue(now: number, limit = Infinity): T[] {
    const due: T[] = []
    for (let first = this.#heap[0]; first && first.at <= now && due.length < limit; first = this.#heap[0]) {
      due.push(first.item)
      this.#removeFirst()
    }
    this.#setTimer()
    return due
  }

  /** Removes every item and clears the timer. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#heap.length = 0
    this.#timerAt = Infinity
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    heap[0] = last
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      const child = (heap[left + 1]?.at ?? Infinity) < (heap[left]?.at ?? Infinity) ? left + 1 : left
      if (!this.#swapIfEarlier(child, index)) return
      index = child
    }
  }

  #swapIfEarlier(child: number, parent: number): boolean {
    const [below, above] = [this.#heap[child], this.#heap[parent]]
    if (!below || !above || above.at <= below.at) return false
    this.#heap[child] = above
    this.#heap[parent] = below
    return true
  }

  #run(): void {
    // One may have been set since the timer fired.
    clearTimeout(this.#timer)
    // `onDue` reads the clock: the timer may be early, or far too late on a machine that slept.
    this.#timerAt = Infinity
    this.#onDue()
    this.#setTimer()
  }

  #setTimer(): void {
    const earliest = this.#heap[0]?.at ?? Infinity
    if (earliest === this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = earliest
    if (earliest === Infinity) return
    this.#timer = setTimeout(
      // In a busy process several timers fire in one turn of the event loop, and in each turn there is to be one call of `onDue`.
      () => setImmediate(() => this.#run()),
      Math.min(Math.max(Math.ceil(earliest - this.#now()), 0), MAX_DELAY),
    )
    // A deadline must not keep the process alive.
    this.#timer.unref()
  }
}
