import { Timer } from './timer.js'

interface Entry<T> {
  at: number
  item: T
}

/**
 * A heap of items, ordered by the times at which they are due, in milliseconds of the clock `now`. One timer waits for the earliest item.
 * If the time of an item changes, the item is added again and is in the heap twice. So the caller of `takeDue` must check whether each
 * returned item is still due.
 */
export class Deadlines<T> {
  /** A binary heap: the earliest entry is the first. */
  readonly #heap: Entry<T>[] = []
  readonly #now: () => number
  readonly #onDue: () => void
  #timer: Timer | undefined
  /** When the timer fires. */
  #timerAt = Infinity

  /**
   * The heap calls `onDue` when an item may be due, at most once in a turn of the event loop. `onDue` must call `takeDue`. If `onDue`
   * throws, it is called again for the items that it has not taken.
   */
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

  /**
   * Removes up to `limit` items that are due at `now`, and returns them with the earliest first. If more items are due, `onDue` is called
   * again.
   */
  takeDue(now: number, limit = Infinity): T[] {
    const due: T[] = []
    for (let first = this.#heap[0]; first && first.at <= now && due.length < limit; first = this.#heap[0]) {
      due.push(first.item)
      this.#removeFirst()
    }
    this.#setTimer()
    return due
  }

  /** Removes every item and cancels the timer. */
  stop(): void {
    this.#timer?.cancel()
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
    // Between the timer and this call, `add` or `takeDue` may have set another timer.
    this.#timer?.cancel()
    this.#timerAt = Infinity
    try {
      this.#onDue()
    } finally {
      this.#setTimer()
    }
  }

  #setTimer(): void {
    const earliest = this.#heap[0]?.at ?? Infinity
    if (earliest === this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = earliest
    if (earliest === Infinity) return
    // Without `setImmediate`, several timers could fire in one turn of the event loop if the process is busy. `onDue` is to be called at
    // most once in a turn.
    this.#timer = new Timer(earliest - this.#now(), () => setImmediate(() => this.#run()), this.#now)
  }
}
