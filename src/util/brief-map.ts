/** Entries are spread over this many lists, a power of two. */
const LISTS = 256

interface Entry<T> {
  readonly key: string
  value: T
}

/**
 * A map for entries that come and go quickly, such as the calls that run. A `Map` or a `Set` makes itself another table after about as many
 * changes as it has room. In V8 the old table refers to the next one. Once one of them is in the old generation, all later tables, with all
 * that they held, survive until the next full collection of garbage: each young collection then takes several times as long.
 */
export class BriefMap<T extends object> {
  readonly #lists: Entry<T>[][] = Array.from({ length: LISTS }, () => [])

  get(key: string): T | undefined {
    return this.#listOf(key).find((entry) => entry.key === key)?.value
  }

  set(key: string, value: T): void {
    const list = this.#listOf(key)
    const entry = list.find((each) => each.key === key)
    if (entry) entry.value = value
    else list.push({ key, value })
  }

  delete(key: string): void {
    const list = this.#listOf(key)
    const index = list.findIndex((entry) => entry.key === key)
    if (index < 0) return
    const last = list.pop()
    if (last && index < list.length) list[index] = last
  }

  values(): T[] {
    return this.#lists.flatMap((list) => list.map(({ value }) => value))
  }

  #listOf(key: string): Entry<T>[] {
    let hash = 0
    for (let n = 0; n < key.length; n++) hash = (Math.imul(hash, 31) + key.charCodeAt(n)) | 0
    return this.#lists[hash & (LISTS - 1)] ?? []
  }
}
