import { MessageOperation } from '../exclusive/messages/message-operations.js'
import { DIGITS } from '../exclusive/store/row-keys.js'
import { groupOf } from '../exclusive/store/rows.js'
import type { Operation, Range, Store } from '../exclusive/store/store.js'
import { lowerBound } from '../../util/lower-bound.js'
import { MessageLog, offsetOf } from './message-log.js'

/** The text with which the key of every message begins. */
const MESSAGES = 'message\0'

/**
 * The rows for which `groupOf` returns the same text. Messages are not among them: they are in a `MessageLog`. A `Range` never reaches
 * beyond one group.
 */
class Group {
  readonly rows = new Map<string, string>()
  /** The keys in order; undefined until the first range is read. */
  #keys: string[] | undefined

  put(key: string, value: string): void {
    if (this.#keys && !this.rows.has(key)) {
      // Most keys come in order. For these one comparison, with the last key, replaces the search.
      if (key > (this.#keys.at(-1) ?? '')) this.#keys.push(key)
      else this.#keys.splice(this.#indexOf(this.#keys, key), 0, key)
    }
    this.rows.set(key, value)
  }

  del(key: string): void {
    if (!this.rows.delete(key) || !this.#keys) return
    this.#keys.splice(this.#indexOf(this.#keys, key), 1)
  }

  range({ gte, lt, reverse = false, limit = Infinity }: Range): [string, string][] {
    const keys = this.#sorted()
    const [from, to] = [this.#indexOf(keys, gte), this.#indexOf(keys, lt)]
    const found = reverse
      ? keys.slice(Math.max(from, to - limit), to).reverse()
      : keys.slice(from, Math.min(to, from + limit))
    return found.map((key) => [key, this.rows.get(key) ?? ''])
  }

  #sorted(): string[] {
    return (this.#keys ??= [...this.rows.keys()].sort())
  }

  /** The index of the first key that is not less than `key`. */
  #indexOf(keys: string[], key: string): number {
    return lowerBound(0, keys.length, (index) => (keys[index] ?? '') < key)
  }
}

/**
 * A store in memory. It recognizes a message by its key: `rows` in `exclusive/store/rows.ts` makes keys that begin with `MESSAGES`
 * only for messages.
 */
export class MemoryStore implements Store {
  readonly #groups = new Map<string, Group>()
  /** The messages of each inbox, by the result of `rows.messagePrefix`. */
  readonly #logs = new Map<string, MessageLog>()

  getSync(key: string): string | undefined {
    return isMessage(key)
      ? this.#logs.get(prefixOf(key))?.get(offsetOf(key))
      : this.#groups.get(groupOf(key))?.rows.get(key)
  }

  iterator(range: Range): { all(): Promise<[string, string][]> } {
    const { gte } = range
    const source = isMessage(gte) ? this.#logs.get(prefixOf(gte)) : this.#groups.get(groupOf(gte))
    const found = source?.range(range) ?? []
    return { all: () => Promise.resolve(found) }
  }

  batch(operations: Operation[]): Promise<void> {
    for (const operation of operations) {
      if (operation instanceof MessageOperation)
        this.#writeMessage(operation.prefix, operation.offset, operation)
      else if (isMessage(operation.key))
        this.#writeMessage(prefixOf(operation.key), offsetOf(operation.key), operation)
      else this.#write(operation)
    }
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.#groups.clear()
    this.#logs.clear()
    return Promise.resolve()
  }

  #write(operation: Operation): void {
    const { key } = operation
    const name = groupOf(key)
    let group = this.#groups.get(name)
    if (operation.type === 'put') {
      if (!group) this.#groups.set(name, (group = new Group()))
      group.put(key, operation.value)
    } else if (group) {
      group.del(key)
      if (group.rows.size === 0) this.#groups.delete(name)
    }
  }

  #writeMessage(prefix: string, offset: number, operation: Operation): void {
    let log = this.#logs.get(prefix)
    if (operation.type === 'put') {
      if (!log) this.#logs.set(prefix, (log = new MessageLog(offset)))
      log.put(offset, operation)
    } else if (log) {
      log.del(offset)
      if (log.isEmpty) this.#logs.delete(prefix)
    }
  }
}

const isMessage = (key: string): boolean => key.startsWith(MESSAGES)

const prefixOf = (key: string): string => key.slice(0, -DIGITS)
