import { Deadlines } from './deadlines.js'

/**
 * Does a little now; answers the time at which it wants to go on (Unix, milliseconds), Infinity for not until it is
 * wanted.
 */
export type JobStep = (now: number) => Promise<number>

/** Work that has to be done now and then, whoever calls. */
export interface Job {
  readonly run: JobStep
  /** When it is wanted next. */
  at: number
  /** What it failed of the last time. */
  lastError: string | undefined
}

/** Milliseconds after which a chore that failed is tried again. */
const RETRY_DELAY = 1_000

/** What nobody asks for and somebody has to do: chores that do a little at a time, so that nobody waits for them. */
export class Scheduler {
  readonly #due = new Deadlines<Job>(() => this.#wake())
  readonly #running = new Map<Job, Promise<void>>()
  readonly #canRun: () => boolean
  readonly #onError: (error: unknown) => void
  #isStopped = false

  /** Nothing is done once `mayGoOn` says no. `onError` is told what a chore fails of, once as long as it stays the same. */
  constructor(mayGoOn: () => boolean, onError: (error: unknown) => void) {
    this.#canRun = mayGoOn
    this.#onError = onError
  }

  /** Work that waits until it is `want`ed. */
  job(work: JobStep): Job {
    return { run: work, at: Infinity, lastError: undefined }
  }

  /** Has the work done at this time, or earlier if it is wanted earlier already. */
  schedule(chore: Job, at: number): void {
    if (at >= chore.at) return
    chore.at = at
    if (!this.#running.has(chore) && !this.#isStopped) this.#due.add(at, chore)
  }

  /** Begins nothing any more, and resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#due.stop()
    await Promise.all(this.#running.values())
  }

  #wake(): void {
    const now = Date.now()
    for (const chore of this.#due.takeDue(now)) {
      // It may have been wanted earlier, and be done.
      if (chore.at <= now && !this.#running.has(chore) && this.#canRun())
        this.#running.set(chore, this.#run(chore, now))
    }
  }

  /** Never rejects. */
  async #run(chore: Job, now: number): Promise<void> {
    chore.at = Infinity
    let next = now + RETRY_DELAY
    try {
      next = await chore.run(now)
      chore.lastError = undefined
    } catch (error) {
      // What is wrong stays wrong for long.
      if (chore.lastError !== (chore.lastError = String(error))) this.#onError(error)
    }
    this.#running.delete(chore)
    const at = Math.min(next, chore.at)
    chore.at = Infinity
    this.schedule(chore, at)
  }
}
