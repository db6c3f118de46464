import { LRUCache } from 'lru-cache'

/** While `#retained` has fewer values than this, the cache does not search it for values that are no longer in use. */
const MIN_SEARCH = 64

interface LruCacheOptions<T> {
  max: number
  isInUse: (value: T) => boolean
  /** Called before a value is evicted. The callback may bring the value into use. */
  onEvict?: (value: T) => void
}

/**
 * Keeps the `max` most recently used values by key, and besides them each value for which `isInUse` returns true. If a value in use were
 * evicted, the next caller would read an outdated value from the store.
 */
export class LruCache<T extends object> {
  readonly #recent: LRUCache<string, T>
  /** Values that were in use when `#recent` evicted them. */
  readonly #retained = new Map<string, T>()
  readonly #isInUse: (value: T) => boolean
  #searchAt = MIN_SEARCH

  constructor({ max, isInUse, onEvict }: LruCacheOptions<T>) {
    this.#isInUse = isInUse
    this.#recent = new LRUCache({
      max,
      dispose: (value, key, reason) => {
        if (reason !== 'evict') return
        onEvict?.(value)
        if (isInUse(value)) this.#retain(key, value)
      },
    })
  }

  get(key: string): T | undefined {
    const recent = this.#recent.get(key)
    if (recent) return recent
    const retained = this.#retained.get(key)
    if (retained) this.set(key, retained)
    return retained
  }

  set(key: string, value: T): void {
    this.#retained.delete(key)
    this.#recent.set(key, value)
  }

  *values(): Iterable<T> {
    yield* this.#recent.values()
    yield* this.#retained.values()
  }

  #retain(key: string, value: T): void {
    this.#retained.set(key, value)
    if (this.#retained.size < this.#searchAt) return
    for (const [other, candidate] of this.#retained)
      if (!this.#isInUse(candidate)) this.#retained.delete(other)
    // The next search waits until the number has doubled, so that searching costs a constant time per value.
    this.#searchAt = Math.max(MIN_SEARCH, 2 * this.#retained.size)
  }
}
