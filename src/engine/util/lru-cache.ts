/** How many of the longest unused are looked at when one has to go. */
const LOOK = 8

/** What was used lately, by name. Beyond `limit` the longest unused goes, if `mayGo` says so of it. */
export class Recent<T> {
  readonly #entries = new Map<string, T>()
  readonly #limit: number
  readonly #mayGo: (entry: T) => boolean

  constructor(limit: number, mayGo: (entry: T) => boolean = () => true) {
    this.#limit = limit
    this.#mayGo = mayGo
  }

  get(name: string): T | undefined {
    const entry = this.#entries.get(name)
    if (entry === undefined) return undefined
    // A Map keeps the order in which names were set: the last is the one used last.
    this.#entries.delete(name)
    this.#entries.set(name, entry)
    return entry
  }

  set(name: string, entry: T): void {
    this.#entries.delete(name)
    this.#entries.set(name, entry)
    let looked = 0
    for (const [oldest, candidate] of this.#entries) {
      if (this.#entries.size <= this.#limit || looked++ === LOOK) return
      if (this.#mayGo(candidate)) this.#entries.delete(oldest)
    }
  }

  delete(name: string): void {
    this.#entries.delete(name)
  }

  values(): Iterable<T> {
    return this.#entries.values()
  }
}
