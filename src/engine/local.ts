import { randomBytes } from 'node:crypto'
import type { EndCode } from '../protocol/index.js'
import { Commit } from './commit.js'
import type {
  Engine,
  SavedUser,
  SessionRecord,
  SessionRef,
  SessionRequest,
  Signal,
  UserChange,
  UserRecord,
  UserRef,
} from './engine.js'
import { EngineError } from './errors.js'
import { Listeners } from './listeners.js'
import { Sessions } from './sessions.js'
import { put, read, rows, type Store } from './store.js'
import { Users } from './users.js'

export interface EngineOptions {
  /**
   * Called with what no caller can be told: a listener that threw, and a failed write (once; later writes are refused
   * with it). @default a warning of the process
   */
  onError?: ((error: unknown) => void) | undefined
}

/** One opening of an engine: what lives from `open` to `close`. */
interface Opened {
  store: Store
  commit: Commit
  users: Users
  sessions: Sessions
  key: Uint8Array
}

const KEY_BYTES = 32

const warn = (error: unknown): void => process.emitWarning(error instanceof Error ? error : String(error))

const keptKey = async (store: Store, commit: Commit): Promise<Uint8Array> => {
  const kept = await read<string>(store, rows.key)
  if (kept !== undefined) return Buffer.from(kept, 'base64url')
  const made = randomBytes(KEY_BYTES)
  await commit.durable([put(rows.key, made.toString('base64url'))])
  return made
}

const prepare = async (store: Store, onError: (error: unknown) => void): Promise<Opened> => {
  const commit = new Commit(store, onError)
  try {
    // Sessions of a process that was killed: nobody can carry them on.
    await store.clear(rows.allSessions)
    const key = await keptKey(store, commit)
    return { store, commit, key, users: new Users(store, commit), sessions: new Sessions(commit) }
  } catch (cause) {
    await store.close()
    throw cause instanceof EngineError
      ? cause
      : new EngineError('unavailable', "The engine can't be made ready.", { cause })
  }
}

const letGo = async ({ store, commit, users }: Opened): Promise<void> => {
  await users.done()
  await commit.close()
  await store.close()
}

/** An engine with one owner: this process. It keeps what it is given in an ordered store. */
export class LocalEngine implements Engine {
  readonly type: Engine['type']
  readonly #openStore: (life: AbortSignal) => Promise<Store>
  readonly #onError: (error: unknown) => void
  readonly #listeners: Listeners
  #current: { opened: Promise<Opened>; life: AbortController } | undefined
  #closing: Promise<void> = Promise.resolve()

  /** `openStore` is called at every opening; `life` aborts when the engine is closed meanwhile. */
  constructor(
    type: Engine['type'],
    openStore: (life: AbortSignal) => Promise<Store>,
    { onError = warn }: EngineOptions = {},
  ) {
    this.type = type
    this.#openStore = openStore
    // In a microtask of its own: what it throws in turn must not end up in the middle of a commit.
    this.#onError = (error) => queueMicrotask(() => onError(error))
    this.#listeners = new Listeners(this.#onError)
  }

  async open(): Promise<void> {
    const current = (this.#current ??= this.#start())
    try {
      await current.opened
    } catch (error) {
      if (this.#current === current) this.#current = undefined
      throw error
    }
  }

  close(): Promise<void> {
    const current = this.#current
    if (current) {
      this.#current = undefined
      current.life.abort()
      // What could not be opened has told so to whoever opened it, and leaves nothing to close.
      this.#closing = current.opened.then(letGo, () => undefined)
    }
    return this.#closing
  }

  async key(): Promise<Uint8Array> {
    return new Uint8Array((await this.#opened()).key)
  }

  async user(of: UserRef): Promise<UserRecord | null> {
    return (await this.#opened()).users.get(of)
  }

  async saveUser(of: UserRef, change: UserChange): Promise<SavedUser> {
    const saved = await (await this.#opened()).users.save(of, change)
    if (saved.changed && !saved.created) this.#listeners.tell({ type: 'user-changed', user: saved.user })
    return saved
  }

  async startSession(request: SessionRequest): Promise<SessionRecord> {
    const { session, replaced } = (await this.#opened()).sessions.start(request)
    for (const old of replaced) this.#tellEnded(old, 'replaced')
    return session
  }

  async sessions(of: UserRef): Promise<SessionRecord[]> {
    return (await this.#opened()).sessions.of(of)
  }

  async endSession(session: SessionRef, code: EndCode): Promise<boolean> {
    const ended = (await this.#opened()).sessions.end(session)
    if (ended) this.#tellEnded(ended, code)
    return ended !== undefined
  }

  listen(listener: (told: Signal) => void, signal: AbortSignal): void {
    this.#listeners.add(listener, signal)
  }

  /** Not an async function: a call made before `close` must reach its work before the closing does. */
  #opened(): Promise<Opened> {
    return (
      this.#current?.opened ??
      Promise.reject(new EngineError('unavailable', 'The engine is not open: call open() first.'))
    )
  }

  #start(): { opened: Promise<Opened>; life: AbortController } {
    const life = new AbortController()
    const open = async (): Promise<Opened> => prepare(await this.#openStore(life.signal), this.#onError)
    return { life, opened: this.#closing.then(open, open) }
  }

  #tellEnded({ appId, userId, sessionId }: SessionRef, code: EndCode): void {
    this.#listeners.tell({ type: 'session-ended', session: { appId, userId, sessionId }, code })
  }
}
