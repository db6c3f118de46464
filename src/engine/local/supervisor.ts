import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionRecord, EngineEvent } from '../engine.js'
import { closeDatabase, openDatabase, type Database } from './database.js'
import { Sessions } from './sessions.js'
import type { Volume } from './store.js'

export interface SupervisorOptions {
  openVolume: (life: AbortSignal) => Promise<Volume>
  onError: (error: unknown) => void
  emit: (told: EngineEvent) => void
  /** Called for each session that was held as long as it could be. */
  onExpired: (session: SessionRecord) => void
  /** What has to be over before. */
  previous: Promise<void>
}

/** What an open engine works with: `database` is another one once the store had to be opened anew. */
export interface Opened {
  readonly sessions: Sessions
  database: Database
}

/** How long to wait before a store that failed is opened again, at first and at most, in milliseconds. */
const MIN_RETRY_DELAY = 100
const MAX_RETRY_DELAY = 1_000

/** One opening of an engine: what lives from `open` to `close`. A failed write is recovered from in between. */
export class Supervisor {
  readonly ready: Promise<Opened>
  /** The same, once it is there. */
  opened: Opened | undefined
  readonly #options: SupervisorOptions
  readonly #life = new AbortController()
  #recovery: Promise<void> = Promise.resolve()

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.ready = options.previous.then(() => this.#open())
  }

  async close(): Promise<void> {
    this.#life.abort()
    // What could not be opened has told so to whoever opened it, and leaves nothing to close.
    const opened = await this.ready.catch(() => undefined)
    if (!opened) return
    await this.#recovery
    opened.sessions.stop()
    await closeDatabase(opened.database)
  }

  async #open(): Promise<Opened> {
    const sessions = new Sessions(this.#options.onExpired)
    const database = await this.#openDatabase(async ({ volume: volume, commit }) => {
      if (!volume.isPersistent) return
      await sessions.load(volume.store)
      sessions.journalTo(commit)
    })
    return (this.opened = { sessions, database: database })
  }

  async #openDatabase(prepare: (database: Database) => Promise<void>): Promise<Database> {
    const { openVolume: openPlace, onError, emit: tell } = this.#options
    const made: { database?: Database } = {}
    made.database = await openDatabase({
      openVolume: openPlace,
      life: this.#life.signal,
      emit: tell,
      onError,
      prepare,
      onFailure: (failure) => {
        const { opened } = this
        // Before it is in use, whoever opens it is told.
        if (!opened || opened.database !== made.database) return
        onError(failure)
        this.#recovery = this.#recover(opened)
      },
    })
    return made.database
  }

  /** Tries to open the store anew until it works or the engine is closed; sessions go on meanwhile, and reading for long. */
  async #recover(opened: Opened): Promise<void> {
    const { sessions, database: failed } = opened
    const { signal } = this.#life
    let told = ''
    for (let wait = MIN_RETRY_DELAY; ; wait = Math.min(wait * 2, MAX_RETRY_DELAY)) {
      await sleep(wait, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      try {
        // While there is no room, the store that failed can still be read.
        await failed.volume.probe()
        await closeDatabase(failed)
        opened.database = await this.#openDatabase(async ({ volume: volume, commit, inboxes }) => {
          if (volume.isPersistent) await sessions.rewriteTo(volume.store, commit)
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
