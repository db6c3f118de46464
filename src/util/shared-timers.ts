/** An item that `addTimed` adds. Items of the same time share one timer. */
export interface Timed {
  /** Called at the time, or later if the process was busy. */
  onTime(): void
}

interface Group {
  readonly items: Set<Timed>
  readonly timer: NodeJS.Timeout
}

/**
 * The groups by their times, in milliseconds of the monotonic clock. A timer for each item, or a heap of items, would take more CPU time:
 * ARCHITECTURE.md has the figures.
 */
const groups = new Map<number, Group>()

const run = (at: number): void => {
  const items = groups.get(at)?.items ?? []
  // Items that are added for this time from now on get another group.
  groups.delete(at)
  for (const item of items) call(item)
}

/** Calls an item. An error does not stop the other items: it is thrown again in a task of its own, for the process's handlers. */
const call = (item: Timed): void => {
  try {
    item.onTime()
  } catch (error) {
    setImmediate(() => {
      throw error
    })
  }
}

/** Calls `item` once at `at`, together with all other items of the same time. The timers don't keep the process alive. */
export const addTimed = (at: number, item: Timed): void => {
  let group = groups.get(at)
  if (!group) {
    const delay = Math.ceil(at - performance.now())
    groups.set(at, (group = { items: new Set(), timer: setTimeout(run, delay, at).unref() }))
  }
  group.items.add(item)
}

/**
 * Cancels the call that `addTimed` scheduled. If the items of this time are being called now, the item is still called: `onTime` must check
 * whether the item was removed.
 */
export const removeTimed = (at: number, item: Timed): void => {
  const group = groups.get(at)
  if (!group?.items.delete(item) || group.items.size > 0) return
  clearTimeout(group.timer)
  groups.delete(at)
}
