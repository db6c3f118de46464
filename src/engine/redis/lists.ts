import type { Reply } from './client/port.js'
import type { StepRunner } from './step-runner.js'

/** The factor by which the number of partitions grows from one read of a list to the next. */
const GROWTH = 4

/** Where a list goes on: in a partition, after the item with this id or number. */
export interface ListPosition {
  partition: number
  after: string
}

export const cursorOf = (partition: number, after: string | number): string => `${partition}.${after}`

/** Returns the position that a cursor names; the beginning of the list if the cursor is null. */
const positionOf = (cursor: string | null): ListPosition => {
  const [partition = '0', after = '0'] = (cursor ?? '').split('.')
  return { partition: Number(partition) || 0, after }
}

/** Returns the items of a list two by two. */
export const pairsOf = (list: Reply | readonly string[] | undefined): [string, string][] => {
  const items = (list ?? []) as string[]
  return Array.from({ length: items.length / 2 }, (_, n) => [items[2 * n] ?? '', items[2 * n + 1] ?? ''])
}

export interface ListRead<Item, T> {
  /** Runs the step that reads the list: at most `limit` items of each partition, after an item. */
  read: (partitions: readonly number[], after: string, limit: number) => Promise<Item[][]>
  from: ListPosition
  /** The `after` that stands before the first item of a partition. */
  start: string
  limit: number
  /** Returns the items of a partition's list. */
  parse: (list: Item[], partition: number) => T[]
}

/**
 * Returns at most `limit` items of a list that goes on from partition to partition. First reads one partition, which fills the page in a
 * big app. Then reads more and more partitions at once, because each has few items in a small app.
 */
export const readList = async <Item, T>(
  runner: StepRunner,
  { read, from, start, limit, parse }: ListRead<Item, T>,
): Promise<T[]> => {
  const found: T[] = []
  let after = from.after
  for (let first = from.partition, size = 1; first < runner.partitions.count && found.length < limit;) {
    const partitions = Array.from(
      { length: Math.min(size, runner.partitions.count - first) },
      (_, n) => first + n,
    )
    const lists = await read(partitions, after, limit - found.length)
    lists.forEach((list, n) => found.push(...parse(list, first + n)))
    first += partitions.length
    size *= GROWTH
    after = start
  }
  return found.slice(0, limit)
}

/** Returns a page of at most `limit` items after a cursor, and the cursor after the page: null if no item follows. */
export const readPage = async <Item, T extends { cursor: string }>(
  runner: StepRunner,
  after: string | null,
  { limit, ...read }: Omit<ListRead<Item, T>, 'from' | 'start'>,
): Promise<{ page: T[]; next: string | null }> => {
  const found = await readList(runner, { ...read, from: positionOf(after), start: '0', limit: limit + 1 })
  const page = found.slice(0, limit)
  return { page, next: found.length > limit ? (page.at(-1)?.cursor ?? null) : null }
}
