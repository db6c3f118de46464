import { EngineError } from '../../errors.js'

export type Operation = { type: 'put'; key: string; value: string } | { type: 'del'; key: string }

/** An operation whose key is made only when it is read. The newest state of its row is in memory, so `Overlay` need not have it. */
export abstract class LazyOperation {
  abstract get key(): string
}

export interface Range {
  gte: string
  lt: string
  reverse?: boolean
  limit?: number
}

/** The part of abstract-level's interface that the engine uses. The rows have the order of their keys. Keys and values are in UTF-8. */
export interface Store {
  /** Reads one row on this thread, which takes a few microseconds. On another thread it would take tens of microseconds. */
  getSync(key: string): string | undefined
  iterator(range: Range): { all(): Promise<[string, string][]> }
  /**
   * Writes all operations or none. With `sync` the promise resolves when a power cut can no longer undo the operations. Until the promise
   * resolves, reads perhaps still return the rows from before.
   */
  batch(operations: Operation[], options: { sync: boolean }): Promise<void>
  close(): Promise<void>
}

/** An open store, and its medium: memory, or a folder. */
export interface Volume {
  store: Store
  /** Whether the rows outlive the process. If not, sessions are not written. */
  isPersistent: boolean
  /** A text that differs between the medium and its copies, such as a restored backup. */
  identity: string
  /** About how many bytes the engine may take to keep inboxes and users in memory, so that sending a message need not read them. */
  cacheBytes: number
  /** Throws if the medium is gone or was replaced, so that writes would be lost. Called after each sync, and about twice a second. */
  assertPresent(): void
  /** Rejects while the store can't be opened again after a failure, because the disk is full or the medium is gone. */
  probe(): Promise<void>
  /**
   * Called about twice a second. Does the work that the store itself does not do, such as making new files private. Rejects if that fails.
   */
  maintain(): Promise<void>
}

export const put = (key: string, value: unknown): Operation => ({
  type: 'put',
  key,
  // The JSON is made now, because the caller may change the value before the batch is written.
  value: JSON.stringify(value),
})

export const del = (key: string): Operation => ({ type: 'del', key })

const unreadable = (cause: unknown): EngineError =>
  new EngineError('unavailable', "The engine's store can't be read: look for a failing disk.", { cause })

/** Returns the parsed value of a row; undefined if there is no such row. Throws `unavailable` if the store can't be read. */
export const read = (store: Store, key: string): unknown => {
  try {
    const json = store.getSync(key)
    return json === undefined ? undefined : JSON.parse(json)
  } catch (cause) {
    throw unreadable(cause)
  }
}

/** Reads and parses the rows of a range, in the order of their keys or backwards. Rejects with `unavailable` if that fails. */
export const readAll = <T>(store: Store, range: Range): Promise<[string, T][]> =>
  readAllAs(store, range, (json) => JSON.parse(json) as T)

/** As `readAll`, but parses rows with the function `parse` instead of `JSON.parse`. */
export const readAllAs = async <T>(
  store: Store,
  range: Range,
  parse: (json: string) => T,
): Promise<[string, T][]> => {
  try {
    const found = await store.iterator(range).all()
    return found.map(([key, json]) => [key, parse(json)])
  } catch (cause) {
    throw unreadable(cause)
  }
}
