import { VERSION, type Profile, type User } from '../protocol/index.js'
import { clock } from './clock.js'
import { credentialStore, type CredentialStore } from './credentials.js'
import { SessionError } from './errors.js'
import { SessionTarget, TokenNeededEvent, type SessionState, type StateDetail } from './events.js'
import type { Credentials, SessionOptions, SessionUser, StartOptions } from './options.js'
import { createRunner, type Runner } from './runner.js'
import { retryAtOf, type Facts, type State } from './state.js'

/** What came of a start. */
export type StartResult =
  | { succeeded: true; failed: false; session: ChatSession }
  | { succeeded: false; failed: true; error: SessionError }

/** What the events carry that are no class of their own. */
interface Details {
  state: StateDetail
  user: User
  error: SessionError
}

/** Milliseconds that `end()` waits for the socket to close properly before it leaves that to the network. */
const CLOSE_LIMIT = 1_000

const errorOf = (state: State): SessionError | null =>
  'error' in state && state.error ? new SessionError(state.error.code, state.error) : null

/** The fields that say something; `id` is not one of the profile's. */
const profileOf = (user: SessionUser): Profile =>
  Object.fromEntries(
    Object.entries(user).filter(([key, value]) => key !== 'id' && value !== undefined && value !== null),
  )

/**
 * A user's chat session: one verified, two-way connection to the gateway that is made again whenever it is lost, until
 * the session is ended. Runs in a page, a worker or Node; needs no DOM.
 *
 *     const session = new ChatSession({ endpoint: 'https://chat.example.com', appId: 'hF83jaq', token })
 *     const result = await session.start()
 *     if (result.succeeded) console.log(session.user)
 *     else console.log(result.error.code)
 *     await session.end()
 */
export class ChatSession extends SessionTarget {
  readonly appId: string
  readonly #credentials: CredentialStore
  readonly #runner: Runner
  #sources: Pick<Credentials, 'tokenFetcher' | 'tokenUrl'>
  #userId: string | undefined
  #profile: Profile
  /** The profile that the last start said. */
  #claimed: Profile | undefined
  /** Tells the start that is under way of its outcome, once that is known. */
  #outcome: (() => void) | undefined

  static {
    // Absent in browsers that have no `await using`.
    if ((Symbol as Partial<SymbolConstructor>).asyncDispose)
      this.prototype[Symbol.asyncDispose] = this.prototype.end
  }
  declare [Symbol.asyncDispose]: () => Promise<void>

  constructor({ endpoint, appId, user = {}, WebSocket, ...credentials }: SessionOptions) {
    super()
    this.appId = appId
    this.#userId = user.id?.toString() || undefined
    this.#profile = profileOf(user)
    this.#sources = credentials
    this.#credentials = credentialStore(credentials, (ask) => {
      const event = new TokenNeededEvent('tokenneeded', ask)
      this.dispatchEvent(event)
      return event.answer
    })
    this.#runner = createRunner(
      { endpoint, WebSocket },
      {
        credentials: this.#credentials,
        startFrame: () => ({
          type: 'start',
          appId,
          ...this.#credentials.proof(),
          ...(this.#userId && { userId: this.#userId }),
          ...(Object.keys((this.#claimed = this.#profile)).length && { user: this.#profile }),
          client: `chat-session/${VERSION}`,
        }),
        changed: (before, after) => this.#changed(before, after),
        deliver: (frame) => {
          if (frame.type === 'started') {
            this.#userId = frame.user.id
            if (this.#claimed !== this.#profile) this.#runner.send({ type: 'profile', user: this.#profile })
          }
          // A listener may have ended the session meanwhile.
          if (this.user && (frame.type === 'started' || frame.type === 'user')) this.#emit('user', frame.user)
        },
        report: (error) => this.#emit('error', error),
      },
    )
  }

  get state(): SessionState {
    return this.#runner.state().name
  }

  /** The id that the gateway gave the session; null while there is none. */
  get id(): string | null {
    return this.#facts?.sessionId ?? null
  }

  /** The user as the gateway knows them; null while there is no session. */
  get user(): User | null {
    return this.#facts?.user ?? null
  }

  /** Whether the gateway let the user in as a guest. */
  get guest(): boolean {
    return this.#facts?.guest ?? false
  }

  /** Why the session ended or failed, or why the last attempt to connect did. */
  get error(): SessionError | null {
    return errorOf(this.#runner.state())
  }

  /** Unix time in milliseconds of the next attempt to connect, while one is waited for. */
  get retryAt(): number | null {
    return retryAtOf(this.#runner.state())
  }

  get #facts(): Facts | null {
    const state = this.#runner.state()
    return 'facts' in state ? state.facts : null
  }

  /**
   * Starts the session. Never rejects: answers `succeeded` once the gateway has verified the user, else `failed` with
   * an error. After the timeout connecting goes on; the `state` event tells when it comes to something.
   */
  start({ signal, timeout = 30_000 }: StartOptions = {}): Promise<StartResult> {
    const failed = (error: SessionError): StartResult => ({ succeeded: false, failed: true, error })
    if (this.#runner.alive()) return Promise.resolve(failed(new SessionError('session-active')))
    if (signal?.aborted) return Promise.resolve(failed(new SessionError('ended')))
    return new Promise((resolve) => {
      const known = new AbortController()
      // Taken off by hand: of many listeners on one signal Node may forget which `signal` takes them off.
      const end = (): void => void this.end()
      this.#outcome = () => {
        const active = this.state === 'active'
        if (!active && this.#runner.alive()) return
        known.abort()
        signal?.removeEventListener('abort', end)
        this.#outcome = undefined
        resolve(
          active
            ? { succeeded: true, failed: false, session: this }
            : failed(this.error ?? new SessionError('ended')),
        )
      }
      signal?.addEventListener('abort', end)
      clock(() => resolve(failed(new SessionError('unavailable'))), known.signal)(Date.now() + timeout)
      this.#runner.start()
    })
  }

  /**
   * Ends the session, for the gateway too, and frees everything it holds. Resolves when the connection is closed, or
   * after a second. Ending twice is fine; a session that has ended may be started again.
   */
  async end(): Promise<void> {
    const ended = this.#runner.end()
    const waited = new AbortController()
    const limit = new Promise<void>((resolve) => clock(resolve, waited.signal)(Date.now() + CLOSE_LIMIT))
    await Promise.race([ended, limit])
    waited.abort()
  }

  /**
   * Gives a fresh token for the same user. It is sent on the open connection; a session that ended or failed for want
   * of good credentials starts again with it.
   */
  setToken(token: string): void {
    this.setCredentials({ ...this.#sources, token })
  }

  /**
   * Changes all that credentials come from. A token is used at once, as by `setToken`, a source at the next ask; what
   * cannot be renewed on a live session is used when it is started again.
   */
  setCredentials(credentials: Credentials): void {
    const { tokenFetcher, tokenUrl, token } = credentials
    this.#sources = { tokenFetcher, tokenUrl }
    if (this.#credentials.set(credentials) && (token || this.state !== 'active'))
      this.#runner.credentialsSet()
  }

  /** Changes fields of the own profile. The gateway refuses it where only the app's backend may. */
  setProfile(change: Profile): void {
    const user = profileOf(change)
    this.#profile = { ...this.#profile, ...user }
    this.#runner.send({ type: 'profile', user })
  }

  #changed(before: State, after: State): void {
    // Before the listeners hear of it: one of them may start the next life.
    this.#outcome?.()
    const retryAt = retryAtOf(after)
    if (before.name !== after.name || (retryAt !== null && retryAt !== retryAtOf(before)))
      this.#emit('state', { state: after.name, previous: before.name, error: errorOf(after), retryAt })
  }

  #emit<K extends keyof Details>(type: K, detail: Details[K]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}
