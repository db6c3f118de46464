import type { EndCode, Message } from '../../protocol/index.js'
import type {
  Engine,
  EngineEvent,
  InboxState,
  MessagePage,
  NewMessage,
  Position,
  Retention,
  SavedUser,
  SendResult,
  SendRules,
  SessionRecord,
  SessionRef,
  SessionRequest,
  StartedSession,
  UserChange,
  UserRecord,
  UserRef,
} from '../engine.js'
import { EngineError } from '../errors.js'
import { Listeners } from '../listeners.js'
import type { Volume } from './store.js'
import { Supervisor, type Opened } from './supervisor.js'

export interface EngineOptions {
  /**
   * Called with errors that reject no call: of a listener that threw, of a background job, of a failed write, and of a
   * recovery from one. An error that repeats is reported once. @default a warning of the process
   */
  onError?: ((error: unknown) => void) | undefined
}

const warn = (error: unknown): void => process.emitWarning(error instanceof Error ? error : String(error))

const refOf = ({ appId, userId, sessionId }: SessionRef): SessionRef => ({ appId, userId, sessionId })

/** An engine for one process, on an ordered store. */
export class LocalEngine implements Engine {
  readonly #openVolume: (signal: AbortSignal) => Promise<Volume>
  readonly #onError: (error: unknown) => void
  readonly #listeners: Listeners
  #current: Supervisor | undefined
  #closing: Promise<void> = Promise.resolve()

  /** Each `open` calls `openVolume`. The signal aborts if the engine is closed meanwhile. */
  constructor(openVolume: (signal: AbortSignal) => Promise<Volume>, { onError = warn }: EngineOptions = {}) {
    this.#openVolume = openVolume
    // In a microtask of its own: an error that the callback throws must not interrupt a commit.
    this.#onError = (error) => queueMicrotask(() => onError(error))
    this.#listeners = new Listeners(this.#onError)
  }

  async open(): Promise<void> {
    const current = (this.#current ??= new Supervisor({
      openVolume: this.#openVolume,
      onError: this.#onError,
      emit: (event) => this.#listeners.emit(event),
      onExpired: (session) => this.#emitEnded(session, 'ended'),
      previous: this.#closing,
    }))
    try {
      await current.ready
    } catch (error) {
      if (this.#current === current) this.#current = undefined
      throw error
    }
  }

  close(): Promise<void> {
    if (this.#current) {
      this.#closing = this.#current.close()
      this.#current = undefined
    }
    return this.#closing
  }

  key(): Promise<Uint8Array> {
    return this.#use(({ database }) => new Uint8Array(database.key))
  }

  user(of: UserRef): Promise<UserRecord | null> {
    return this.#use(({ database }) => database.users.get(of))
  }

  async saveUser(of: UserRef, change: UserChange): Promise<SavedUser> {
    const saved = await this.#use(({ database }) => database.users.save(of, change))
    if (saved.changed && !saved.created) this.#listeners.emit({ type: 'user-changed', user: saved.user })
    return saved
  }

  async saveGuest(of: UserRef, change: UserChange, maxGuests: number): Promise<SavedUser | null> {
    const saved = await this.#use(async ({ database: { users, guests } }) => {
      guests.expectStart(of)
      return users.saveGuest(of, change, maxGuests)
    })
    if (saved?.changed && !saved.created) this.#listeners.emit({ type: 'user-changed', user: saved.user })
    return saved
  }

  startSession(request: SessionRequest): Promise<StartedSession> {
    return this.#use(async ({ sessions, database }) => {
      const { session, replaced, replacedConnectionId } = sessions.start(request)
      if (request.guest) database.guests.started(request)
      for (const old of replaced) this.#emitEnded(old, 'too-many-sessions')
      if (replacedConnectionId !== null)
        this.#listeners.emit({
          type: 'connection-replaced',
          session: refOf(session),
          connectionId: replacedConnectionId,
        })
      await sessions.flush()
      return session
    })
  }

  confirmSession(session: SessionRef, connectionId: string): Promise<void> {
    return this.#use(({ sessions }) => sessions.confirm(session, connectionId))
  }

  setHidden(session: SessionRef, connectionId: string, hidden: boolean): Promise<void> {
    return this.#use(({ sessions }) => sessions.setHidden(session, connectionId, hidden))
  }

  detachSession(session: SessionRef, connectionId: string, holdFor: number): Promise<void> {
    return this.#use(({ sessions }) => sessions.detach(session, connectionId, holdFor))
  }

  sessions(of: UserRef): Promise<SessionRecord[]> {
    return this.#use(({ sessions }) => sessions.of(of))
  }

  endSession(session: SessionRef, code: EndCode, connectionId?: string): Promise<boolean> {
    return this.#use(({ sessions }) => {
      const ended = sessions.end(session, connectionId)
      if (ended) this.#emitEnded(ended, code)
      return ended !== undefined
    })
  }

  retain(appId: string, retention: Retention): Promise<void> {
    return this.#use(({ database }) => database.inboxes.retain(appId, retention))
  }

  send(message: NewMessage, rules: SendRules): Promise<SendResult> {
    return this.#use(({ database }) => database.inboxes.send(message, rules))
  }

  inbox(of: UserRef): Promise<InboxState> {
    return this.#use(({ database }) => database.inboxes.state(of))
  }

  messagesAfter(of: UserRef, position: Position, limit: number): Promise<MessagePage> {
    return this.#use(({ database }) => database.inboxes.after(of, position, limit))
  }

  messagesBefore(
    of: UserRef,
    before: { epoch: string; offset: number | null },
    limit: number,
  ): Promise<Message[] | null> {
    return this.#use(({ database }) => database.inboxes.before(of, before, limit))
  }

  markRead(of: UserRef, position: Position): Promise<InboxState | null> {
    return this.#use(({ database }) => database.inboxes.markRead(of, position))
  }

  listen(listener: (event: EngineEvent) => void, signal: AbortSignal): void {
    this.#listeners.add(listener, signal)
  }

  /** Runs `work` synchronously if the engine is open, so that calls take effect in their order. */
  #use<T>(work: (opened: Opened) => T | Promise<T>): Promise<T> {
    const opened = this.#current?.opened
    if (!opened) return this.#useWhenReady(work)
    // Not an async function, which would pass a promise on three microtasks later.
    try {
      const result = work(opened)
      return result instanceof Promise ? result : Promise.resolve(result)
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)))
    }
  }

  async #useWhenReady<T>(work: (opened: Opened) => T | Promise<T>): Promise<T> {
    if (!this.#current) throw new EngineError('unavailable', 'The engine is not open: call open() first.')
    return work(await this.#current.ready)
  }

  #emitEnded(session: SessionRecord, code: EndCode): void {
    this.#listeners.emit({ type: 'session-ended', session: refOf(session), code })
    if (session.guest) this.#current?.opened?.database.guests.deleteIfUnused(session)
  }
}
