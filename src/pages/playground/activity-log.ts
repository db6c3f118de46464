import { describe, masked } from './mask.js'

export interface Entry {
  id: number
  /** Unix time in milliseconds. */
  time: number
  /** An event of the element, a request to the backend, or an action of the person at the page. */
  from: 'event' | 'backend' | 'you'
  name: string
  summary: string
  /** JSON; empty if there is no detail. */
  detail: string
}

/** The greatest number of entries. A longer list would slow the page down. */
const MAX_ENTRIES = 200

/** The events, requests and actions of one user, newest first and without credentials. */
export class ActivityLog {
  entries: readonly Entry[] = []
  readonly #changed: () => void
  #lastId = 0

  constructor(changed: () => void) {
    this.#changed = changed
  }

  add(from: Entry['from'], name: string, summary = '', detail?: unknown): void {
    const entry: Entry = {
      id: ++this.#lastId,
      time: Date.now(),
      from,
      name,
      summary: masked(summary),
      detail: detail === undefined ? '' : describe(detail),
    }
    this.#set([entry, ...this.entries].slice(0, MAX_ENTRIES))
  }

  clear(): void {
    this.#set([])
  }

  #set(entries: readonly Entry[]): void {
    this.entries = entries
    this.#changed()
  }
}
