import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionRecord, EngineEvent } from '../engine.js'
import { letGo, openKeeping, type Keeping } from './database.js'
import { Sessions } from './sessions.js'
import type { Place } from './store.js'

export interface OpeningOptions {
  openPlace: (life: AbortSignal) => Promise<Place>
  onError: (error: unknown) => void
  tell: (told: EngineEvent) => void
  /** Called for each session that was held as long as it could be. */
  onOver: (session: SessionRecord) => void
  /** What has to be over before. */
  after: Promise<void>
}

/** What an open engine works with: `keeping` is another one once the store had to be opened anew. */
export interface Opened {
  readonly sessions: Sessions
  keeping: Keeping
}

/** How long to wait before a store that failed is opened again, at first and at most, in milliseconds. */
const FIRST_RETRY = 100
const RETRY = 1_000

/** One opening of an engine: what lives from `open` to `close`. A failed write is recovered from in between. */
export class Opening {
  readonly ready: Promise<Opened>
  /** The same, once it is there. */
  opened: Opened | undefined
  readonly #options: OpeningOptions
  readonly #life = new AbortController()
  #recovery: Promise<void> = Promise.resolve()

  constructor(options: OpeningOptions) {
    this.#options = options
    this.ready = options.after.then(() => this.#open())
  }

  async close(): Promise<void> {
    this.#life.abort()
    // What could not be opened has told so to whoever opened it, and leaves nothing to close.
    const opened = await this.ready.catch(() => undefined)
    if (!opened) return
    await this.#recovery
    opened.sessions.stop()
    await letGo(opened.keeping)
  }

  async #open(): Promise<Opened> {
    const sessions = new Sessions(this.#options.onOver)
    const keeping = await this.#keep(async ({ place, commit }) => {
      if (!place.outlivesProcess) return
      await sessions.load(place.store)
      sessions.journalTo(commit)
    })
    return (this.opened = { sessions, keeping })
  }

  async #keep(prepare: (keeping: Keeping) => Promise<void>): Promise<Keeping> {
    const { openPlace, onError, tell } = this.#options
    const made: { keeping?: Keeping } = {}
    made.keeping = await openKeeping({
      openPlace,
      life: this.#life.signal,
      tell,
      onError,
      prepare,
      onFailure: (failure) => {
        const { opened } = this
        // Before it is in use, whoever opens it is told.
        if (!opened || opened.keeping !== made.keeping) return
        onError(failure)
        this.#recovery = this.#recover(opened)
      },
    })
    return made.keeping
  }

  /** Tries to open the store anew until it works or the engine is closed; sessions go on meanwhile, and reading for long. */
  async #recover(opened: Opened): Promise<void> {
    const { sessions, keeping: failed } = opened
    const { signal } = this.#life
    let told = ''
    for (let wait = FIRST_RETRY; ; wait = Math.min(wait * 2, RETRY)) {
      await sleep(wait, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      try {
        // While there is no room, the store that failed can still be read.
        await failed.place.probe()
        await letGo(failed)
        opened.keeping = await this.#keep(async ({ place, commit, inboxes }) => {
          if (place.outlivesProcess) await sessions.rewriteTo(place.store, commit)
          await inboxes.takeOver(failed.inboxes)
        })
        return
      } catch (error) {
        // Once each: what is wrong stays wrong for long.
        if (told !== (told = String(error))) this.#options.onError(error)
      }
    }
  }
}
