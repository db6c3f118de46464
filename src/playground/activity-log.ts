import { describe, masked } from './mask.js'

/** One thing that happened. */
export interface Entry {
  id: number
  /** Unix time in milliseconds. */
  time: number
  /** Told by the element, asked of the page's backend, or done by the person at the page. */
  from: 'event' | 'backend' | 'you'
  name: string
  /** A few words. */
  summary: string
  /** JSON; empty where there is no more to tell. */
  detail: string
}

/** More would only slow the page down. */
const MOST = 200

/** What happened, newest first. Nothing secret gets in. */
export class Diary extends EventTarget {
  #entries: readonly Entry[] = []
  #last = 0

  get entries(): readonly Entry[] {
    return this.#entries
  }

  note(from: Entry['from'], name: string, summary = '', detail?: unknown): void {
    const entry: Entry = {
      id: ++this.#last,
      time: Date.now(),
      from,
      name,
      summary: masked(summary),
      detail: detail === undefined ? '' : describe(detail),
    }
    this.#set([entry, ...this.#entries].slice(0, MOST))
  }

  clear(): void {
    this.#set([])
  }

  #set(entries: readonly Entry[]): void {
    this.#entries = entries
    this.dispatchEvent(new Event('change'))
  }
}
