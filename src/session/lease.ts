/** Somebody who holds something together with others. */
export interface Holder {
  /** Called a task after it let go of what is under `key`, unless it is back by then. */
  released(key: string): void
}

/** One thing, many holders: it lives as long as any of them holds it. */
export interface Leases<H extends Holder, T> {
  /** What is under `key`; made by `create` if nobody holds it. */
  hold(key: string, holder: H, create: () => T): T
  /**
   * Lets go a task later: what is taken out of a document and put back by the end of the next task, as moves and
   * re-renders do, loses nothing.
   */
  release(key: string, holder: H): void
  /** Lets go at once. */
  drop(key: string, holder: H): void
  holders(key: string): Iterable<H>
}

/** `end` is called with what its last holder let go of. */
export const createLeases = <H extends Holder, T>(end: (held: T) => void): Leases<H, T> => {
  const entries = new Map<string, { held: T; holders: Set<H> }>()

  const settle = (key: string): void => {
    const entry = entries.get(key)
    if (!entry || entry.holders.size) return
    entries.delete(key)
    end(entry.held)
  }

  return {
    hold(key, holder, create) {
      let entry = entries.get(key)
      if (!entry) entries.set(key, (entry = { held: create(), holders: new Set() }))
      entry.holders.add(holder)
      return entry.held
    },
    release(key, holder) {
      const holders = entries.get(key)?.holders
      if (!holders?.delete(holder)) return
      setTimeout(() => {
        settle(key)
        if (!holders.has(holder)) holder.released(key)
      })
    },
    drop(key, holder) {
      entries.get(key)?.holders.delete(holder)
      settle(key)
    },
    holders: (key) => entries.get(key)?.holders ?? [],
  }
}
