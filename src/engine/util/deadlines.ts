/** The longest delay a timer takes. */
const MAX_DELAY = 2 ** 31 - 1

interface Entry<T> {
  at: number
  item: T
}

/**
 * Items by the time at which they are due (Unix, milliseconds), with one timer for the earliest of them. An item whose
 * time was changed is added again: whoever takes the due ones sees by the item whether it still is.
 */
export class Deadlines<T> {
  /** A binary heap: the earliest is the first. */
  readonly #heap: Entry<T>[] = []
  readonly #onDue: () => void
  #timer: NodeJS.Timeout | undefined
  #timerAt = Infinity

  /** `wake` is called when something may be due; it takes what is. */
  constructor(wake: () => void) {
    this.#onDue = wake
  }

  add(at: number, item: T): void {
    const heap = this.#heap
    let place = heap.push({ at, item }) - 1
    while (place > 0 && this.#swapIfEarlier(place, (place - 1) >> 1)) place = (place - 1) >> 1
    this.#arm()
  }

  /** The items that are due by now, the earliest first. */
  takeDue(now: number): T[] {
    const due: T[] = []
    for (let first = this.#heap[0]; first && first.at <= now; first = this.#heap[0]) {
      due.push(first.item)
      this.#removeFirst()
    }
    this.#arm()
    return due
  }

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
    let place = 0
    for (;;) {
      const left = 2 * place + 1
      const child = (heap[left + 1]?.at ?? Infinity) < (heap[left]?.at ?? Infinity) ? left + 1 : left
      if (!this.#swapIfEarlier(child, place)) return
      place = child
    }
  }

  #swapIfEarlier(child: number, parent: number): boolean {
    const [below, above] = [this.#heap[child], this.#heap[parent]]
    if (!below || !above || above.at <= below.at) return false
    this.#heap[child] = above
    this.#heap[parent] = below
    return true
  }

  #arm(): void {
    const earliest = this.#heap[0]?.at ?? Infinity
    if (earliest === this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = earliest
    if (earliest === Infinity) return
    this.#timer = setTimeout(
      () => {
        // Whoever is woken reads the clock: a timer may be early, and a machine may have slept.
        this.#timerAt = Infinity
        this.#onDue()
        this.#arm()
      },
      Math.min(Math.max(earliest - Date.now(), 0), MAX_DELAY),
    )
    // What is held must not hold the process.
    this.#timer.unref()
  }
}
