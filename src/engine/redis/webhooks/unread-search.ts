import { setTimeout as sleep } from 'node:timers/promises'
import type { StepRunner } from '../step-runner.js'

/** How many users one list has, and the pause in milliseconds after each list, so that Redis does other work meanwhile. */
const USERS_PER_STEP = 100
const PAUSE = 20

/** How far a search is: the partition, and the last user there. */
interface Search {
  readonly unreadAfter: number
  readonly since: number
  partition: number
  after: string
}

/**
 * Searches once the inboxes of an app that begins to ask for `message.unread`. Messages that are unread by then have no deadline, because
 * only the first message of a streak sets one.
 */
export class UnreadSearch {
  readonly #runner: StepRunner
  readonly #searches = new Map<string, Search>()
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  begin(appId: string, unreadAfter: number): void {
    if (!this.#searches.has(appId))
      this.#searches.set(appId, { unreadAfter, since: performance.now(), partition: 0, after: '' })
  }

  /** Ends the search of an app. */
  end(appId: string): void {
    this.#searches.delete(appId)
  }

  /** Goes on with the searches, unless it does so already. After a failure the next call goes on. */
  run(): Promise<void> {
    this.#running ??= this.#runAll().finally(() => (this.#running = undefined))
    return this.#running
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running?.catch(() => undefined)
  }

  async #runAll(): Promise<void> {
    for (const [appId, search] of this.#searches) await this.#search(appId, search)
  }

  async #search(appId: string, search: Search): Promise<void> {
    const { partitions, steps } = this.#runner
    const isCurrent = (): boolean => !this.#isStopped && this.#searches.get(appId) === search
    for (; search.partition < partitions.count; search.partition++, search.after = '') {
      for (let isFull = true; isFull && isCurrent();) {
        const page = [search.after, USERS_PER_STEP] as const
        const [ids = []] = await this.#runner.inPartitions(steps.listUsers, [search.partition], appId, page)
        const args = [Math.floor(performance.now() - search.since), search.unreadAfter] as const
        await Promise.all(
          ids.map((userId) => this.#runner.onUser(steps.beginUnread, { appId, userId }, args)),
        )
        search.after = ids.at(-1) ?? ''
        isFull = ids.length === USERS_PER_STEP
        if (isFull) await sleep(PAUSE)
      }
      if (!isCurrent()) return
    }
    this.#searches.delete(appId)
    await this.#runner.onPartition(steps.unreadBegun, 0, [`${appId}\0`, '1'])
  }
}
