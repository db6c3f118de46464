/** One thing, many holders: it lives as long as any of them holds it. */
export interface Leases<H, T> {
  /** What is under `key`; made by `create` if nobody holds it. */
  hold(key: string, holder: H, create: () => T): T
  /** Lets go. What its last holder lets go of ends. */
  release(key: string, holder: H): void
  /** Who holds what is under `key`, in the order in which they came. */
  holders(key: string): ReadonlySet<H>
}

/** `end` is called with what its last holder let go of. */
export const createLeases = <H, T>(end: (held: T) => void): Leases<H, T> => {
  const entries = new Map<string, { held: T; holders: Set<H> }>()
  return {
    hold(key, holder, create) {
      let entry = entries.get(key)
      if (!entry) entries.set(key, (entry = { held: create(), holders: new Set() }))
      entry.holders.add(holder)
      return entry.held
    },
    release(key, holder) {
      const entry = entries.get(key)
      if (!entry?.holders.delete(holder) || entry.holders.size) return
      // First, so that whoever hears of the end and asks anew gets a new one.
      entries.delete(key)
      end(entry.held)
    },
    holders: (key) => entries.get(key)?.holders ?? new Set(),
  }
}
