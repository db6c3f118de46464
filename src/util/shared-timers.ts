/** An item that `addTimed` adds. Items of the same time share one timer. */
export interface Timed {
  /** Called at the item's time, or later if the process is busy. */
  onTime(): void
}

interface Group {
  readonly items: Set<Timed>
  readonly timer: NodeJS.Timeout
}

/**
 * The groups of items by the time of their items, in milliseconds of the monotonic clock. With the heap of `deadlines.ts` for pings, idle
 * sessions take 50% more CPU time. With a time of its own for each ping (`GRID_SHARE` in `heartbeat.ts`) they take 90% more.
 */
const groups = new Map<number, Group>()

const run = (at: number): void => {
  const items = groups.get(at)?.items ?? []
  // Items that are added for the same time from now on get a new group.
  groups.delete(at)
  for (const item of items) call(item)
}

/**
 * Calls `onTime` of an item. If it throws, the error is thrown again later, as an uncaught error of the process. So the other items are
 * still called.
 */
const call = (item: Timed): void => {
  try {
    item.onTime()
  } catch (error) {
    setImmediate(() => {
      throw error
    })
  }
}

/** Calls `item.onTime` once at `at`, together with all other items of the same time. The timers don't keep the process alive. */
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
