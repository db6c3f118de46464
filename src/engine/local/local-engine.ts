import type { EndCode, Message } from '../../protocol/index.js'
import type {
  NewMessage,
  Engine,
  InboxState,
  MessagePage,
  Position,
  Retention,
  SavedUser,
  SendRules,
  SendResult,
  SessionRecord,
  SessionRef,
  SessionRequest,
  EngineEvent,
  StartedSession,
  UserChange,
  UserRecord,
  UserRef,
} from '../engine.js'
import { EngineError } from '../errors.js'
import { Listeners } from '../listeners.js'
import { Supervisor, type Opened } from './supervisor.js'
import type { Volume } from './store.js'

export interface EngineOptions {
  /**
   * Called with what no caller can be told: a listener that threw, and a failed write or why it can't be recovered from
   * yet (once each). @default a warning of the process
   */
  onError?: ((error: unknown) => void) | undefined
}

const warn = (error: unknown): void => process.emitWarning(error instanceof Error ? error : String(error))

const refOf = ({ appId, userId, sessionId }: SessionRef): SessionRef => ({ appId, userId, sessionId })

/** An engine with one owner: this process. It keeps what it is given in an ordered store. */
export class LocalEngine implements Engine {
  readonly #openVolume: (life: AbortSignal) => Promise<Volume>
  readonly #onError: (error: unknown) => void
  readonly #listeners: Listeners
  #current: Supervisor | undefined
  #closing: Promise<void> = Promise.resolve()

  /** `openPlace` is called at every opening; `life` aborts when the engine is closed meanwhile. */
  constructor(openPlace: (life: AbortSignal) => Promise<Volume>, { onError = warn }: EngineOptions = {}) {
    this.#openVolume = openPlace
    // In a microtask of its own: what it throws in turn must not end up in the middle of a commit.
    this.#onError = (error) => queueMicrotask(() => onError(error))
    this.#listeners = new Listeners(this.#onError)
  }

  async open(): Promise<void> {
    const current = (this.#current ??= new Supervisor({
      openVolume: this.#openVolume,
      onError: this.#onError,
      emit: (told) => this.#listeners.emit(told),
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
    return this.#use(({ database: keeping }) => new Uint8Array(keeping.key))
  }

  user(of: UserRef): Promise<UserRecord | null> {
    return this.#use(({ database: keeping }) => keeping.users.get(of))
  }

  async saveUser(of: UserRef, change: UserChange): Promise<SavedUser> {
    const saved = await this.#use(({ database: keeping }) => keeping.users.save(of, change))
    if (saved.changed && !saved.created) this.#listeners.emit({ type: 'user-changed', user: saved.user })
    return saved
  }

  startSession(request: SessionRequest): Promise<StartedSession> {
    return this.#use(async ({ sessions }) => {
      const { session, replaced, left } = sessions.start(request)
      for (const old of replaced) this.#emitEnded(old, 'replaced')
      if (left !== null) {
        this.#listeners.emit({ type: 'connection-replaced', session: refOf(session), connectionId: left })
      }
      await sessions.flush()
      return session
    })
  }

  confirmSession(session: SessionRef, connectionId: string): Promise<void> {
    return this.#use(({ sessions }) => sessions.confirm(session, connectionId))
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
    return this.#use(({ database: keeping }) => keeping.inboxes.retain(appId, retention))
  }

  send(draft: NewMessage, rules: SendRules): Promise<SendResult> {
    return this.#use(({ database: keeping }) => keeping.inboxes.send(draft, rules))
  }

  inbox(of: UserRef): Promise<InboxState> {
    return this.#use(({ database: keeping }) => keeping.inboxes.state(of))
  }

  messagesAfter(of: UserRef, position: Position, limit: number): Promise<MessagePage> {
    return this.#use(({ database: keeping }) => keeping.inboxes.after(of, position, limit))
  }

  messagesBefore(
    of: UserRef,
    before: { epoch: string; offset: number | null },
    limit: number,
  ): Promise<Message[] | null> {
    return this.#use(({ database: keeping }) => keeping.inboxes.before(of, before, limit))
  }

  markRead(of: UserRef, position: Position): Promise<InboxState | null> {
    return this.#use(({ database: keeping }) => keeping.inboxes.markRead(of, position))
  }

  listen(listener: (told: EngineEvent) => void, signal: AbortSignal): void {
    this.#listeners.add(listener, signal)
  }

  /** In the very turn of the call, if the engine is open: what is asked for first is done first. */
  async #use<T>(work: (opened: Opened) => T | Promise<T>): Promise<T> {
    const current = this.#current
    if (!current) throw new EngineError('unavailable', 'The engine is not open: call open() first.')
    return work(current.opened ?? (await current.ready))
  }

  #emitEnded(session: SessionRef, code: EndCode): void {
    this.#listeners.emit({ type: 'session-ended', session: refOf(session), code })
  }
}
