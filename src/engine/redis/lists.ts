import type { Reply } from './client/port.js'
import type { BatchStep } from './script.js'
import type { StepRunner } from './step-runner.js'

/** The factor by which the number of partitions grows from one read of a list to the next. */
const GROWTH = 4

/** Where a list goes on: in a partition, after the item with this id or number. */
export interface ListPosition {
  partition: number
  after: string
}

export const cursorOf = (partition: number, after: Reply | undefined): string =>
  `${partition}.${String(after)}`

/** Returns the position that a cursor names; the beginning of the list if the cursor is null. */
const positionOf = (cursor: string | null): ListPosition => {
  const [partition = '0', after = '0'] = (cursor ?? '').split('.')
  return { partition: Number(partition) || 0, after }
}

/** Splits a list into groups of `size`. */
export const inGroups = (list: readonly Reply[], size: number): Reply[][] =>
  Array.from({ length: Math.floor(list.length / size) }, (_, n) => list.slice(n * size, (n + 1) * size))

export interface ListRead<T> {
  step: BatchStep
  appId: string
  from: ListPosition
  /** The `after` that stands before the first item of a partition. */
  start: string
  limit: number
  /** Returns the items of a partition's list. */
  parse: (list: Reply[], partition: number) => T[]
}

/**
 * Returns at most `limit` items of a list that goes on from partition to partition. First reads one partition, which fills the page in a
 * big app. Then reads more and more partitions at once, because each has few items in a small app.
 */
export const readList = async <T>(
  runner: StepRunner,
  { step, appId, from, start, limit, parse }: ListRead<T>,
): Promise<T[]> => {
  const found: T[] = []
  let after = from.after
  for (let first = from.partition, size = 1; first < runner.partitions.count && found.length < limit;) {
    const partitions = Array.from(
      { length: Math.min(size, runner.partitions.count - first) },
      (_, n) => first + n,
    )
    const lists = await runner.inPartitions(step, partitions, appId, [after, limit - found.length])
    lists.forEach((list, n) => found.push(...parse(list, first + n)))
    first += partitions.length
    size *= GROWTH
    after = start
  }
  return found.slice(0, limit)
}

/** Returns a page of at most `limit` items after a cursor, and the cursor after the page: null if no item follows. */
export const readPage = async <T extends { cursor: string }>(
  runner: StepRunner,
  after: string | null,
  { limit, ...read }: Omit<ListRead<T>, 'from' | 'start'>,
): Promise<{ page: T[]; next: string | null }> => {
  const found = await readList(runner, { ...read, from: positionOf(after), start: '0', limit: limit + 1 })
  const page = found.slice(0, limit)
  return { page, next: found.length > limit ? (page.at(-1)?.cursor ?? null) : null }
}
