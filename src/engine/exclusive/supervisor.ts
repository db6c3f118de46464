import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../util/clock.js'
import type { EngineEvent } from '../engine.js'
import type { Opening } from '../lifecycle.js'
import { closeDatabase, openDatabase, saveTime, type Database } from './database.js'
import { SessionService } from './session-service.js'
import type { Sessions } from './sessions/sessions.js'
import type { Volume } from './store/store.js'

interface SupervisorOptions {
  openVolume: (signal: AbortSignal) => Promise<Volume>
  onError: (error: unknown) => void
  emit: (event: EngineEvent) => void
  /** Settles when the engine's previous supervisor has closed. If it rejects, `ready` rejects. */
  previous: Promise<void>
}

/** The parts of an open engine. A recovery replaces `database`. `sessions` are in memory, and stay. */
export interface Opened {
  readonly sessions: Sessions
  /** Changes `sessions`. */
  readonly service: SessionService
  database: Database
}

/** How often the volume is checked, in milliseconds. */
const CHECK_INTERVAL = 500
/** After this many checks the engine's time is stored. */
const CHECKS_PER_SAVE = 20
/** Milliseconds that a recovery waits before it opens the store again, at first and at most. */
const MIN_RETRY_DELAY = 100
const MAX_RETRY_DELAY = 1_000

/** Opens the database. Opens it again after a failed write or a failed check of the volume, until the engine is closed. */
export class Supervisor implements Opening<Opened> {
  readonly ready: Promise<Opened>
  opened: Opened | undefined
  readonly #options: SupervisorOptions
  readonly #life = new AbortController()
  #recovery: Promise<void> = Promise.resolve()
  /** Resolves when every session that was loaded from the store is written. */
  #written: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #lastCheckError = ''
  #checks = 0

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.ready = options.previous.then(() => this.#open())
  }

  async close(): Promise<void> {
    this.#life.abort()
    clearInterval(this.#timer)
    // The caller of `open` has received the rejection, and a failed opening leaves nothing to close.
    const opened = await this.ready.catch(() => undefined)
    if (!opened) return
    clearInterval(this.#timer)
    await this.#recovery
    await this.#written
    opened.sessions.stop()
    await closeDatabase(opened.database)
  }

  async #open(): Promise<Opened> {
    const service = new SessionService({
      database: () => this.opened?.database,
      emit: this.#options.emit,
    })
    const { sessions } = service
    const database = await this.#openDatabase(sessions, async ({ volume }) => {
      if (volume.isPersistent) await sessions.load(volume.store)
    }).catch((error: unknown) => {
      sessions.stop()
      throw error
    })
    const opened = (this.opened = { sessions, service, database })
    // Sessions are written after `opened` is set: meanwhile sessions may end, and their events need a database.
    if (database.volume.isPersistent) this.#written = sessions.writeAll()
    this.#timer = setInterval(() => this.#check(opened), CHECK_INTERVAL).unref()
    return opened
  }

  /** Checks the volume. Each synced batch checks it, too, but an engine may have nothing to write. */
  #check({ database }: Opened): void {
    const { commit, volume } = database
    commit.verify()
    if (!commit.isWritable) return
    if (volume.isPersistent && ++this.#checks % CHECKS_PER_SAVE === 0) saveTime(database)
    const maintained = volume.maintain().catch((error: unknown) => {
      // If each check reported the same error, the log would fill up.
      if (!this.#life.signal.aborted && this.#lastCheckError !== (this.#lastCheckError = String(error)))
        this.#options.onError(error)
    })
    // Maintenance may have found that a file is missing.
    void maintained.then(() => commit.verify())
  }

  async #openDatabase(
    sessions: Sessions,
    prepare: (database: Database) => Promise<void>,
    failedClock?: Clock,
  ): Promise<Database> {
    const { openVolume, onError, emit } = this.#options
    const result: { database?: Database } = {}
    result.database = await openDatabase({
      openVolume,
      signal: this.#life.signal,
      emit,
      onError,
      hasSession: (of) => sessions.has(of),
      presenceOf: (of) => sessions.presence(of),
      failedClock,
      prepare,
      onFailure: (failure) => {
        const { opened } = this
        // If the database fails while it is being opened, the opening rejects instead.
        if (!opened || opened.database !== result.database) return
        onError(failure)
        this.#recovery = this.#recover(opened)
      },
    })
    return result.database
  }

  /**
   * Tries to open the store again until that works or the engine is closed. Meanwhile sessions go on, and reads work until the failed store
   * is closed.
   */
  async #recover(opened: Opened): Promise<void> {
    const { signal } = this.#life
    let lastError = ''
    for (let wait = MIN_RETRY_DELAY; ; wait = Math.min(wait * 2, MAX_RETRY_DELAY)) {
      // `sleep` rejects only if the signal aborts, and the next line checks the signal.
      await sleep(wait, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      // After an attempt that failed late, this is the database of that attempt.
      const failed = opened.database
      try {
        // While the disk is full, the failed store stays open, because it can still be read.
        await failed.volume.probe()
        await closeDatabase(failed)
        const takeOver = async (database: Database): Promise<void> => {
          await database.inboxes.takeOverMarks(failed.inboxes)
          // Sessions, and the events about them, are in memory. One batch writes both: with two, and a crash between them, the receiver
          // could see a session end without a start, or end twice. From then on sessions change in this database.
          database.commit.takeOver(failed.commit)
          database.webhooks.takeOver(failed.webhooks)
          database.inboxes.takeOverJobs(failed.inboxes)
          opened.database = database
        }
        await this.#openDatabase(opened.sessions, takeOver, failed.clock)
        return
      } catch (error) {
        // If each attempt reported the same error, the log would fill up.
        if (lastError !== (lastError = String(error))) this.#options.onError(error)
      }
    }
  }
}
