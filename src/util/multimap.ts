/**
 * Keeps several values for a key, in the order in which they were added. A single value is stored without an array, which would take more
 * memory.
 */
export class Multimap<T extends object> {
  readonly #values = new Map<string, T | readonly T[]>()

  get(key: string): readonly T[] {
    const found = this.#values.get(key)
    if (found === undefined) return []
    return isArray(found) ? found : [found]
  }

  add(key: string, value: T): void {
    const found = this.#values.get(key)
    // `concat` is faster than spreading, which runs the iterator of the array.
    if (found === undefined) this.#values.set(key, value)
    else this.#values.set(key, isArray(found) ? found.concat([value]) : [found, value])
  }

  delete(key: string, value: T): void {
    const others = this.get(key).filter((other) => other !== value)
    const [first] = others
    if (first === undefined) this.#values.delete(key)
    else this.#values.set(key, others.length === 1 ? first : others)
  }

  *values(): Iterable<T> {
    for (const key of this.#values.keys()) yield* this.get(key)
  }
}

/** As `Array.isArray`, but its type narrows to a readonly array. */
const isArray = <T extends object>(value: T | readonly T[]): value is readonly T[] => Array.isArray(value)
