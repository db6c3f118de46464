/** Shares one value per key between holders. The value lives until its last holder releases it. */
export interface Leases<H, T> {
  /** Adds `holder` and returns the value under `key`. `create` makes the value for the first holder. */
  hold(key: string, holder: H, create: () => T): T
  /** Removes `holder`. The last one to be removed ends the value. */
  release(key: string, holder: H): void
  /** The holders of the value under `key`, in the order in which they came. */
  holders(key: string): ReadonlySet<H>
}

/** `end` is called with a value after its last holder has released it. */
export const createLeases = <H, T>(end: (value: T) => void): Leases<H, T> => {
  const entries = new Map<string, { value: T; holders: Set<H> }>()
  return {
    hold(key, holder, create) {
      let entry = entries.get(key)
      if (!entry) entries.set(key, (entry = { value: create(), holders: new Set() }))
      entry.holders.add(holder)
      return entry.value
    },
    release(key, holder) {
      const entry = entries.get(key)
      if (!entry?.holders.delete(holder) || entry.holders.size) return
      // The entry is deleted before `end` is called: a listener that then holds the same key must get a new value.
      entries.delete(key)
      end(entry.value)
    },
    holders: (key) => entries.get(key)?.holders ?? new Set(),
  }
}
