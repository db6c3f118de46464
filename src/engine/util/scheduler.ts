import { Deadlines } from './deadlines.js'

/**
 * Does a little now; answers the time at which it wants to go on (Unix, milliseconds), Infinity for not until it is
 * wanted.
 */
export type Work = (now: number) => Promise<number>

/** Work that has to be done now and then, whoever calls. */
export interface Chore {
  readonly work: Work
  /** When it is wanted next. */
  at: number
  /** What it failed of the last time. */
  failure: string | undefined
}

/** Milliseconds after which a chore that failed is tried again. */
const AGAIN = 1_000

/** What nobody asks for and somebody has to do: chores that do a little at a time, so that nobody waits for them. */
export class Upkeep {
  readonly #due = new Deadlines<Chore>(() => this.#wake())
  readonly #underWay = new Map<Chore, Promise<void>>()
  readonly #mayGoOn: () => boolean
  readonly #onError: (error: unknown) => void
  #isStopped = false

  /** Nothing is done once `mayGoOn` says no. `onError` is told what a chore fails of, once as long as it stays the same. */
  constructor(mayGoOn: () => boolean, onError: (error: unknown) => void) {
    this.#mayGoOn = mayGoOn
    this.#onError = onError
  }

  /** Work that waits until it is `want`ed. */
  chore(work: Work): Chore {
    return { work, at: Infinity, failure: undefined }
  }

  /** Has the work done at this time, or earlier if it is wanted earlier already. */
  want(chore: Chore, at: number): void {
    if (at >= chore.at) return
    chore.at = at
    if (!this.#underWay.has(chore) && !this.#isStopped) this.#due.add(at, chore)
  }

  /** Begins nothing any more, and resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#due.stop()
    await Promise.all(this.#underWay.values())
  }

  #wake(): void {
    const now = Date.now()
    for (const chore of this.#due.take(now)) {
      // It may have been wanted earlier, and be done.
      if (chore.at <= now && !this.#underWay.has(chore) && this.#mayGoOn())
        this.#underWay.set(chore, this.#run(chore, now))
    }
  }

  /** Never rejects. */
  async #run(chore: Chore, now: number): Promise<void> {
    chore.at = Infinity
    let next = now + AGAIN
    try {
      next = await chore.work(now)
      chore.failure = undefined
    } catch (error) {
      // What is wrong stays wrong for long.
      if (chore.failure !== (chore.failure = String(error))) this.#onError(error)
    }
    this.#underWay.delete(chore)
    const at = Math.min(next, chore.at)
    chore.at = Infinity
    this.want(chore, at)
  }
}
