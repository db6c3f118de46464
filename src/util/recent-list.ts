/** Items that were noted one after the other. */
interface Part<T> {
  /** When the first item was noted, by the monotonic clock, and after how many beats. */
  readonly since: number
  readonly beat: number
  readonly items: T[]
  bytes: number
}

/** How many parts the bytes of a list are divided into at least. */
const PARTS = 32

/** The items of the last beats, as many as fit into some bytes. Its owner says when a beat is, so items do not grow old without beats. */
export class RecentList<T> {
  readonly #keptFor: number
  readonly #maxBytes: number
  /** The newest part comes last. */
  readonly #parts: Part<T>[] = []
  #beats = 0
  #bytes = 0
  /** Items from before this time, by the monotonic clock, are forgotten. */
  #forgottenUntil = -Infinity

  /** `keptFor` is a number of beats. */
  constructor({ keptFor, maxBytes }: { keptFor: number; maxBytes: number }) {
    this.#keptFor = keptFor
    this.#maxBytes = maxBytes
  }

  /** Notes an item that takes about so many bytes. */
  note(item: T, bytes: number): void {
    const last = this.#parts.at(-1)
    const isOpen = last?.beat === this.#beats && last.bytes < this.#maxBytes / PARTS
    const part = isOpen ? last : this.#begin()
    part.items.push(item)
    part.bytes += bytes
    this.#bytes += bytes
  }

  beat(): void {
    this.#beats++
    this.#forget()
  }

  /** Whether all items since a time, by the monotonic clock, are kept. */
  hasAllSince(time: number): boolean {
    return this.#forgottenUntil <= time
  }

  /** Returns the items since a time, and perhaps some before it. */
  since(time: number): T[] {
    return this.#parts.flatMap(({ items }, n) =>
      (this.#parts[n + 1]?.since ?? Infinity) >= time ? items : [],
    )
  }

  #begin(): Part<T> {
    const part = { since: performance.now(), beat: this.#beats, items: [], bytes: 0 }
    this.#parts.push(part)
    this.#forget()
    return part
  }

  #forget(): void {
    for (let [part] = this.#parts; part; [part] = this.#parts) {
      if (part.beat + this.#keptFor > this.#beats && this.#bytes <= this.#maxBytes) return
      this.#parts.shift()
      this.#bytes -= part.bytes
      this.#forgottenUntil = this.#parts[0]?.since ?? performance.now()
    }
  }
}
