// Named here for those who check their types against an older `lib`: `await using` ends a session where the runtime has it.
/// <reference lib="esnext.disposable" preserve="true" />
import {
  VERSION,
  type ClientFrameOf,
  type JsonObject,
  type Message,
  type Profile,
  type Resumption,
  type User,
} from '../protocol/index.js'
import { clock, within } from './clock.js'
import { credentialStore, type CredentialStore } from './credentials.js'
import { SessionError } from './errors.js'
import { SessionTarget, TokenNeededEvent, type SessionState, type StateDetail } from './events.js'
import type { Credentials, SessionOptions, SessionUser, StartOptions } from './options.js'
import { checked, createOutbox, newId, type Outbox } from './outbox.js'
import { createRunner, type Runner } from './runner.js'
import { createShelf, type Shelf } from './resume-storage.js'
import { retryAtOf, type Facts, type State } from './machine/state.js'
import { subjectOf } from './unverified-subject.js'

/** What came of a start. */
export type StartResult =
  | { succeeded: true; failed: false; session: ChatSession }
  | { succeeded: false; failed: true; error: SessionError }

/** A message to send: a body, data, or both; 16 kB together. */
export interface Draft {
  /** The user id of who is to have it. */
  to: string | number
  body?: string | undefined
  data?: JsonObject | undefined
}

/** A message that is durable. */
export interface Sent {
  id: string
  /** Where the sender's own copy is in their inbox. */
  offset: number
  /** Unix time in milliseconds. */
  sentAt: number
}

/** Which part of the inbox: after an offset, before one, or the newest. */
export interface HistoryRange {
  after?: number | undefined
  before?: number | undefined
  /** 1 to 100. @default 50 */
  limit?: number | undefined
}

/** What the events carry that are no class of their own. */
interface Details {
  state: StateDetail
  message: Message
  unread: number
  user: User
  error: SessionError
}

/** Milliseconds that `end()` waits for the socket to close properly before it leaves that to the network. */
const CLOSE_LIMIT = 1_000

const factsOf = (state: State): Facts | null => ('facts' in state ? state.facts : null)

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
  readonly #outbox: Outbox
  /** What is left for the next page. Without a user who is known from the beginning there is none. */
  readonly #shelf: Shelf | undefined
  /** The newest that was marked as read. */
  #read: ClientFrameOf<'read'> | undefined
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
    /** The name by which this page knows its user; a guest may have none. */
    const name = this.#userId ?? (credentials.token ? subjectOf(credentials.token) : undefined)
    if (name || this.#credentials.proof()?.guest)
      this.#shelf = createShelf(
        JSON.stringify(['chat-session', endpoint, appId, name]),
        !!name,
        this.#credentials,
      )
    this.#runner = createRunner(
      { endpoint, WebSocket },
      {
        credentials: this.#credentials,
        shelf: this.#shelf,
        startFrame: () => ({
          type: 'start',
          appId,
          ...this.#credentials.proof(),
          ...(this.#userId && { userId: this.#userId }),
          ...(Object.keys((this.#claimed = this.#profile)).length && { user: this.#profile }),
          ...(this.#cursor && { resume: this.#cursor }),
          client: `chat-session/${VERSION}`,
        }),
        changed: (before, after) => this.#changed(before, after),
        deliver: (frame) => {
          if (frame.type === 'message') {
            const { type, ...message } = frame
            this.#emit(type, message)
          } else if (frame.type === 'sent' || frame.type === 'history' || frame.type === 'refused')
            this.#outbox.answered(frame)
        },
        report: (error) => this.#emit('error', error),
      },
    )
    this.#outbox = createOutbox(
      // Asked before there was a session: about the first one's inbox.
      (request) =>
        this.#runner.send('epoch' in request ? { ...request, epoch: request.epoch || this.#epoch } : request),
      () => this.#facts?.sendWindow ?? 0,
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

  /** How many messages are unread; 0 while there is no session. */
  get unread(): number {
    return this.#facts?.unread ?? 0
  }

  /** The inbox's newest offset when the connection was made: messages up to it were missed. 0 while there is no session. */
  get missedUntil(): number {
    return this.#facts?.offset ?? 0
  }

  get #facts(): Facts | null {
    return factsOf(this.#runner.state())
  }

  get #cursor(): Resumption | null {
    const state = this.#runner.state()
    return 'cursor' in state ? state.cursor : null
  }

  get #epoch(): string {
    return this.#cursor?.epoch ?? ''
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
   * after a second; one that is still being made has five seconds to tell the gateway. Ending twice is fine; a session
   * that has ended may be started again.
   */
  async end(): Promise<void> {
    await within(CLOSE_LIMIT, (done) => void this.#runner.end().then(done))
  }

  /**
   * Gives a fresh token for the same user. It is sent on the open connection; a session that ended or failed for want
   * of good credentials starts again with it.
   */
  setToken(token: string): void {
    this.setCredentials({ ...this.#sources, token })
  }

  /**
   * Changes all that credentials come from. A token is used at once, as by `setToken`, a source at the next ask, or at
   * once when the last one went unanswered; what cannot be renewed on a live session is used when it is started again.
   */
  setCredentials(credentials: Credentials): void {
    const { tokenFetcher, tokenUrl, token } = credentials
    this.#sources = { tokenFetcher, tokenUrl }
    const isProof = this.#credentials.set(credentials) && (token || this.state !== 'active')
    if (isProof) this.#runner.credentialsSet('credentials')
    // Without one, a page that answers each ask by setting what it has would be asked again and again.
    else if (tokenFetcher ?? tokenUrl) this.#runner.credentialsSet('source')
  }

  /** Changes fields of the own profile. The gateway refuses it where only the app's backend may. */
  setProfile(change: Profile): void {
    const user = profileOf(change)
    this.#profile = { ...this.#profile, ...user }
    this.#runner.send({ type: 'profile', user })
  }

  /**
   * Sends a message. Resolves when it is durable, however many connections that takes; it is stored once. Rejects with
   * a SessionError: the gateway's when it refuses, `unknown-outcome`, `outbox-full`, or why the session ended.
   */
  async send({ to, body, data }: Draft): Promise<Sent> {
    const frame = { type: 'send', id: newId(), to: String(to), body, data }
    const { id, offset, sentAt } = await this.#request<Sent>(frame as ClientFrameOf<'send'>)
    return { id, offset, sentAt }
  }

  /**
   * A part of the user's inbox, in order: what they received, and what they sent. Large messages come fewer at a time;
   * none come when there are no more.
   */
  async history(range: HistoryRange = {}): Promise<Message[]> {
    const { after, before, limit } = range
    const frame = { type: 'history', id: newId(), epoch: this.#epoch, after, before, limit }
    const { messages } = await this.#request<{ messages: Message[] }>(frame as ClientFrameOf<'history'>)
    return messages
  }

  /** All up to `offset` is read; it never goes back. The `unread` event tells what came of it. */
  markRead(offset: number): void {
    const read = checked({ type: 'read', epoch: this.#epoch, offset })
    if (this.#read?.epoch === read.epoch && this.#read.offset >= offset) return
    this.#read = read
    this.#runner.send(read)
  }

  /**
   * Whether the gateway takes the credentials: true while the session is active, false when there is none; while it is
   * starting or reconnecting that is waited for. Never rejects.
   */
  async hasValidCredentials(): Promise<boolean> {
    while (this.state !== 'active' && this.#runner.alive())
      await new Promise((resolve) => this.addEventListener('state', resolve, { once: true }))
    return this.state === 'active'
  }

  #request<T>(request: ClientFrameOf<'send' | 'history'>): Promise<T> {
    const { state } = this
    return state === 'ended' || state === 'failed'
      ? Promise.reject(this.error ?? new SessionError('ended'))
      : this.#outbox.add<T>(request)
  }

  #connected(facts: Facts): void {
    this.#userId = facts.user.id
    if (this.#claimed !== this.#profile) this.#runner.send({ type: 'profile', user: this.#profile })
    if (this.#read?.epoch === facts.epoch) this.#runner.send(this.#read)
    this.#outbox.connected()
  }

  #changed(before: State, after: State): void {
    if (before.name !== after.name && after.name === 'active') this.#connected(after.facts)
    // What wakes a page comes before what shows it: it must not write anew what another page has taken.
    if (before !== after) this.#shelf?.leave(after)
    if (after.name === 'ended' || after.name === 'failed')
      this.#outbox.end(errorOf(after) ?? new SessionError('ended'))
    // Before the listeners hear of it: one of them may start the next life.
    this.#outcome?.()
    const retryAt = retryAtOf(after)
    if (before.name !== after.name || (retryAt !== null && retryAt !== retryAtOf(before)))
      this.#emit('state', { state: after.name, previous: before.name, error: errorOf(after), retryAt })
    const [was, is] = [factsOf(before), factsOf(after)]
    // A listener may have ended the session meanwhile.
    if (!is || is === was || !this.#facts) return
    if (JSON.stringify(is.user) !== JSON.stringify(was?.user)) this.#emit('user', is.user)
    if (is.unread !== (was?.unread ?? 0)) this.#emit('unread', is.unread)
  }

  #emit<K extends keyof Details>(type: K, detail: Details[K]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}
