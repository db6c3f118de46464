// Projects with an older `lib` need this reference, because the type of this class has `Symbol.asyncDispose`.
/// <reference lib="esnext.disposable" preserve="true" />
import {
  VERSION,
  type ClientFrameOf,
  type GatewayFrameOf,
  type Message,
  type NewMessage,
  type Profile,
  type User,
} from '../protocol/index.js'
import type { Calls } from './calls/calls.js'
import { loadCalls } from './calls/load-calls.js'
import { credentialStore, type CredentialStore } from './credentials/credentials.js'
import { unverifiedSubject } from './credentials/unverified-subject.js'
import { SessionError, toSessionError } from './errors.js'
import {
  SessionTarget,
  TokenNeededEvent,
  type FailedSend,
  type SessionEventDetails,
  type SessionState,
} from './events.js'
import { idText } from './id-text.js'
import { internals, type SessionInternals } from './internals.js'
import {
  cursorOf,
  errorOf,
  infoOf,
  isAsleep,
  isOver,
  isPageGone,
  isPageLeft,
  nameOf,
} from './machine/selectors.js'
import type { AnswerType, Cursor, Fault, Position, SessionInfo, State } from './machine/state.js'
import type { HistoryRange, PeersPage, PeersRange, PushSubscriber, Sent, SignalOptions } from './messages.js'
import type { Credentials, SessionOptions, StartOptions } from './options.js'
import { createPendingReport, retryAtOf } from './pending-report.js'
import { createPostSends, type PostSends } from './post-sends.js'
import { profileFields } from './profile-fields.js'
import { createRunner, type Runner } from './runner.js'
import { sentences } from './sentences.js'
import { guestToken, type GuestToken } from './storage/guest-token.js'
import { createLeftSends, fateOf, isSame, type LeftSends, type Sender } from './storage/left-sends.js'
import { checkedCopy, createOutbox, sendOptions, type Outbox } from './storage/outbox.js'
import { createResumeStorage, type ResumeStorage } from './storage/resume-key.js'
import type { StartFrame } from './transports/connection.js'
import { withTimeout } from './util/clock.js'
import { newId } from './util/new-id.js'
import { nextEvent } from './util/next-event.js'
import { toFrame } from './util/to-frame.js'
import { createVisibility, type Visibility } from './visibility.js'
import { toJson } from './util/to-json.js'

/** Milliseconds that `end()` waits for the close of the connection. */
const CLOSE_TIMEOUT = 1_000

/** The errors of a session that has ended because the user has logged out. */
const LOGGED_OUT = ['signed-out', 'revoked']

/** Parses `EPOCH/OFFSET`. If the text has another form, the console says so, and the page works without a position. */
const parsePosition = (text: string | null | undefined): Position | undefined => {
  const [, epoch, offset] = /^(.+)\/(\d{1,15})$/.exec(text ?? '') ?? []
  if (epoch) return { epoch, offset: Number(offset) }
  if (text) console.warn(sentences.badSince(text))
  return undefined
}

const errorOfFault = (fault: Fault): SessionError => new SessionError(fault.code, fault)

const sessionErrorOf = (state: State): SessionError | null => {
  const fault = errorOf(state)
  return fault && errorOfFault(fault)
}

/**
 * Returns the resume key of the connection; null if there is none. If a WebSocket takes over from a stream, the session stays `active`, and
 * its resume key changes.
 */
const connectionOf = (state: State): string | null => (state.name === 'active' ? state.info.resumeKey : null)

/** Returns the place in a `start` frame. A cursor without a key is the position up to which a server drew the page. */
const placeOf = (cursor: Cursor | null): Pick<StartFrame, 'resume' | 'since'> => {
  if (!cursor) return {}
  const { key, ...since } = cursor
  return key === null ? { since } : { resume: { key, ...since } }
}

/** The result of `start()`. */
export type StartResult =
  | { succeeded: true; failed: false; session: ChatSession }
  | { succeeded: false; failed: true; error: SessionError }

const failedStart = (error: SessionError): StartResult => ({ succeeded: false, failed: true, error })

/**
 * A user's chat session. It keeps one verified, two-way connection to the gateway until it ends, and connects again whenever the connection
 * is lost. Runs in a page, a worker or Node; needs no DOM.
 *
 *     const session = new ChatSession({ endpoint: 'https://chat.example.com', appId: 'hF83jaq', token })
 *     const result = await session.start()
 *     if (result.succeeded) console.log(session.user)
 *     else console.log(result.error.code)
 *     await session.end()
 */
export class ChatSession extends SessionTarget {
  readonly appId: string
  /** @internal */
  readonly [internals]: SessionInternals = {
    info: () => this.#info,
    close: () => this.#close(),
  }
  readonly #endpoint: string
  readonly #sleep: boolean
  readonly #credentials: CredentialStore
  readonly #runner: Runner
  readonly #outbox: Outbox
  readonly #visibility: Visibility
  readonly #resumeStorage: ResumeStorage
  /** The messages that the pages of this tab leave for their next page. */
  readonly #leftSends: LeftSends
  /** The key of the messages that this page leaves. */
  readonly #leftKey: string
  /** The token of this browser's guest, for the user who logs in; undefined without `adoptGuest`. */
  readonly #guestToken: GuestToken | undefined
  /** The user id that the page names. A start has it until the gateway has verified a user who is no guest (`#claim`). */
  readonly #givenUserId: string | undefined
  /** That id, or else the one in the page's token. The storage keeps the session, and what it has left, under it. */
  readonly #knownUserId: string | undefined
  /** The user whom the gateway has verified last. The session is never of another user, unless a guest becomes a user. */
  #verified: (Sender & { id: string }) | null = null
  /** The position up to which a server drew the page; undefined once a session has started. */
  #since: Position | undefined
  /** The profile that the next start sends. */
  #profile: Profile
  /** Posts messages that wait when the user has left the page. */
  #postSends: PostSends = () => undefined
  /** The methods that most pages never call; undefined until one of them is needed. */
  #calls: Promise<Calls> | undefined
  /**
   * The connection (`connectionOf`) on which requests may be written. Before it is set, the outbox gets the messages that earlier pages have
   * left, and the page gets their `pending` event: what a listener sends then must not overtake them.
   */
  #writable: string | undefined
  /** Whether `logout` was emitted since the latest start. A listener may call `end()` again. */
  #isLoggedOut = false
  /**
   * Whether the session has started again by itself, and no call of `start()` has asked for the result: new credentials have come, or a page
   * that made room is visible again.
   */
  #isRevived = false
  /** The calls of `start()` that wait until the session is active or over. */
  readonly #waitingStarts: ((result: StartResult) => void)[] = []
  readonly #reportPending: (failed?: FailedSend[]) => void
  /** The event that is being dispatched, and after it those that wait. */
  readonly #events: Event[] = []
  /**
   * Emits an event. A listener may cause another one, for example if it ends the session. All listeners get the first event before any gets
   * the second.
   */
  readonly #emit = <K extends keyof SessionEventDetails>(type: K, detail: SessionEventDetails[K]): void => {
    const events = this.#events
    if (events.push(new CustomEvent(type, { detail })) > 1) return
    for (; events[0]; events.shift()) this.dispatchEvent(events[0])
  }

  constructor({ appId, user = {}, since, ...options }: SessionOptions) {
    super()
    this.appId = appId
    this.#endpoint = String(options.endpoint)
    this.#sleep = options.sleep ?? false
    this.#since = parsePosition(since)
    this.#givenUserId = idText(user.id) || undefined
    this.#knownUserId = this.#givenUserId ?? unverifiedSubject(options.token)
    this.#profile = profileFields(user)
    this.#credentials = credentialStore(options, (ask) => {
      const event = new TokenNeededEvent('tokenneeded', ask)
      this.dispatchEvent(event)
      return event.answer
    })
    // Sessions with the same endpoint and app share these.
    const shared = this.#storageKey()
    if (options.adoptGuest) this.#guestToken = guestToken(shared)
    this.#leftSends = createLeftSends(shared)
    this.#leftKey = this.#leftSends.newKey()
    this.#resumeStorage = createResumeStorage(() => {
      // A guest who asks for the id of a user is somebody else, so the key says whether the user is a guest. A guest needs no id.
      const isGuest = this.#isGuest()
      const userId = this.#knownUserId
      return isGuest || userId !== undefined ? this.#storageKey(userId ?? null, isGuest) : undefined
    }, this.#credentials)
    this.#runner = createRunner(options, {
      credentials: this.#credentials,
      resumeStorage: this.#resumeStorage,
      since: () => this.#since,
      startFrame: () => this.#startFrame(),
      postSends: () => this.#postWaiting(),
      changed: (before, after) => this.#changed(before, after),
      deliver: (frame) => this.#deliver(frame),
      emitError: (fault) => this.#emit('error', { error: errorOfFault(fault) }),
    })
    this.#visibility = createVisibility((hidden) => this.#runner.send({ type: 'visibility', hidden }))
    this.#outbox = createOutbox({
      write: (request) => connectionOf(this.#state) === this.#writable && this.#runner.send(request),
      sendWindow: () => this.#info?.sendWindow ?? Infinity,
      changed: () => this.#reportPending(),
    })
    this.#reportPending = createPendingReport(
      () => this.#state,
      this.#outbox,
      (detail) => this.#emit('pending', detail),
    )
  }

  get state(): SessionState {
    return nameOf(this.#state)
  }

  /** Whether the hidden page has closed its connection (`sleep`). The state stays `active`. */
  get sleeping(): boolean {
    return isAsleep(this.#state)
  }

  /** Why the session ended or failed, or why the last attempt to connect failed. */
  get error(): SessionError | null {
    return sessionErrorOf(this.#state)
  }

  /** Unix time in milliseconds of the next attempt to connect; null when none is scheduled. */
  get retryAt(): number | null {
    return retryAtOf(this.#state)
  }

  /** The id that the gateway gave the session; null while there is none. */
  get sessionId(): string | null {
    return this.#info?.sessionId ?? null
  }

  /** What carries the session; null while there is no connection. */
  get transport(): 'websocket' | 'stream' | null {
    const state = this.#state
    return state.name === 'active' ? (state.info.transport ?? 'websocket') : null
  }

  /** The user as the gateway knows them; null while there is no session. */
  get user(): User | null {
    return this.#info?.user ?? null
  }

  /** Whether the gateway let the user in as a guest. */
  get guest(): boolean {
    return this.#info?.guest ?? false
  }

  /** How many messages are unread; 0 while there is no session. */
  get unread(): number {
    return this.#info?.unread ?? 0
  }

  /** How many messages are not stored yet, of this page and of earlier pages of the tab. */
  get pending(): number {
    return this.#outbox.pending()
  }

  /**
   * The inbox's newest offset when the connection was made. If a message with this offset or a lower one arrives now, the page had missed
   * it. 0 while there is no session.
   */
  get missedUntil(): number {
    return this.#info?.offset ?? 0
  }

  /**
   * The offset up to which the user has read all messages, here or on another device, as the gateway reported it on the latest connection.
   */
  get readOffset(): number {
    return this.#info?.readOffset ?? 0
  }

  /**
   * Starts the session. Never rejects: the result has `succeeded` once the gateway has verified the user, else `failed` and
   * an error. After the timeout the session goes on connecting; its `state` event says when it is active. If the session is starting
   * already, or has started again by itself, the result is that of this start.
   */
  async start({ signal, timeout = 30_000 }: StartOptions = {}): Promise<StartResult> {
    if (this.#info && !this.#isRevived) return failedStart(new SessionError('session-active'))
    if (signal?.aborted) return failedStart(new SessionError('ended'))
    let result = failedStart(new SessionError('unavailable'))
    const close = (): void => void this.#close()
    signal?.addEventListener('abort', close)
    await withTimeout(timeout, (done) => {
      this.#waitingStarts.push((settled) => {
        // If many listeners wait for the same abort, the option `signal` of `addEventListener` does not always remove a listener in Node.
        signal?.removeEventListener('abort', close)
        result = settled
        done()
      })
      this.#isRevived = false
      if (!this.#runner.isRunning()) this.#runner.start()
      if (this.state === 'active') this.#settleStarts()
    })
    return result
  }

  /**
   * Ends the session, at the gateway too, and frees its resources. Resolves when the connection is closed, at the latest after a second. A
   * connection that is still opening sends `end` when it is open, and is given up after five seconds. A session that has ended may be
   * started again. A guest's session with `adoptGuest` also removes the guest's token from `localStorage`.
   */
  async end(): Promise<void> {
    this.#logOut()
    await this.#close()
  }

  /** Ends the session. A browser without `await using` has no such symbol, and there the method's name is `undefined`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.end()
  }

  /**
   * Sets a fresh token for the same user. An active session sends it at once. A session that ended or failed because its
   * credentials were missing, expired or rejected starts again.
   */
  setToken(token: string): void {
    this.setCredentials({ ...this.#credentials.given(), token })
  }

  /**
   * Replaces all credentials and sources of tokens. A token is used at once, as by `setToken`. A source is used when the next token is
   * needed. If an active session needed a token before and had no source, the source is used at once. Other credentials are used at the
   * next start.
   */
  setCredentials(credentials: Credentials): void {
    const { tokenFetcher, tokenUrl, token } = credentials
    const isReplaced = this.#credentials.set(credentials)
    if (isReplaced && (token || this.state !== 'active')) this.#runner.feed({ type: 'credentials' })
    // In an active session, credentials with neither a token nor a source cause no fetch. A fetch would emit `tokenneeded`, and a listener
    // that sets such credentials would cause a loop.
    else if (tokenFetcher ?? tokenUrl) this.#runner.feed({ type: 'source' })
  }

  /**
   * Changes fields of the user's profile. Resolves when the gateway has accepted the change. Until then the session sends it again on each
   * new connection. Rejects as `send` does, and with `refused` if only the app's backend may change profiles. A session that has ended
   * keeps the change for its next start.
   */
  async setProfile(change: Profile): Promise<void> {
    const before = this.#profile
    const fields = profileFields(change)
    // A later start sends these fields.
    this.#profile = { ...before, ...fields }
    return (await this.#loadCalls()).setProfile(fields, before)
  }

  /**
   * Sends a message. Resolves when the message is stored. Until then the session sends it again on each new connection, and it is never
   * stored twice. Rejects with a SessionError: the gateway's refusal, `unknown-outcome`, `outbox-full`, or why the session ended.
   */
  async send(message: NewMessage): Promise<Sent> {
    // Some libraries give every object fields, which are no part of the message.
    const { to, id = newId(), body, data } = Object.assign(Object.create(null) as object, message)
    if (isOver(this.#state)) throw this.error ?? new SessionError('ended')
    const frame = toFrame<ClientFrameOf<'send'>>({ type: 'send', to: idText(to), id, body, data })
    const answer = this.#outbox.add(frame, sendOptions)
    if (isPageGone(this.#state)) this.#leaveSends()
    this.#reportPending()
    const { type, ...sent } = await answer
    return sent
  }

  /**
   * Returns a part of the user's inbox, in order: the messages that the user received, and those that the user sent. If messages are large,
   * the list may be shorter than `limit`. An empty list means that there are no more messages.
   */
  async history(range?: HistoryRange): Promise<Message[]> {
    return (await this.#loadCalls()).history(range)
  }

  /** Returns the users, and the app's backend, with whom this user has exchanged messages. The one with the newest message comes first. */
  async peers(range?: PeersRange): Promise<PeersPage> {
    return (await this.#loadCalls()).peers(range)
  }

  /**
   * Marks all messages up to `offset` as read; with `with` only those of that peer. A lower offset than before changes nothing. Resolves
   * when the gateway has accepted the mark. Until then the session sends it again on each new connection. Rejects as `send` does, and with
   * `conflict` if the inbox has begun a new epoch.
   */
  async markRead(offset: number, options?: Pick<HistoryRange, 'with'>): Promise<void> {
    return (await this.#loadCalls()).markRead(offset, options)
  }

  /**
   * Sends a signal, for example that this user is typing, to the open pages of the user `to`. The signal is not stored, and arrives at most
   * once. Resolves with whether the signal was sent. If the gateway refuses the signal, an `error` event reports that.
   */
  async signal(to: string | number, name: string, options?: SignalOptions): Promise<boolean> {
    return (await this.#loadCalls()).signal(to, name, options)
  }

  /**
   * Watches which of these users, at most 100, are online. A new watch replaces the one before, and an empty list ends the watch.
   * `presence` events report changes. Resolves when the gateway has answered. The session repeats the watch on each new connection.
   */
  async watch(users: readonly (string | number)[]): Promise<void> {
    return (await this.#loadCalls()).watch(users)
  }

  /**
   * Lets the gateway push to this device while no page is open. The session asks the subscriber for the browser's subscription now and on
   * each new connection, and sends it to the gateway. `end()` and null take the subscription back. Rejects as the subscriber does.
   */
  async push(subscriber: PushSubscriber | null): Promise<void> {
    return (await this.#loadCalls()).push(subscriber)
  }

  /**
   * Resolves with whether the gateway accepts the credentials: true if the session is active, false if there is no session. While the
   * session is starting or reconnecting, this method waits for the outcome. Never rejects.
   */
  async hasValidCredentials(): Promise<boolean> {
    while (this.state !== 'active' && this.#runner.isRunning()) await nextEvent(this, 'state')
    return this.state === 'active'
  }

  get #state(): State {
    return this.#runner.state()
  }

  /** The gateway's latest state of the session; null while there is none. */
  get #info(): SessionInfo | null {
    return infoOf(this.#state)
  }

  /** Returns a key for the storage of the browser. */
  #storageKey(...names: unknown[]): string {
    return toJson(['chat-session', this.#endpoint, this.appId, ...names])
  }

  /** Returns whether the user is a guest, or will start as one. */
  #isGuest(): boolean {
    return this.#info?.guest ?? this.#credentials.held()?.isGuest ?? false
  }

  /** Returns who sends the messages of this page. */
  #sender(): Sender {
    const isGuest = this.#isGuest()
    // After a guest became a user, the user sends the messages.
    if (this.#verified?.isGuest === isGuest) return this.#verified
    // A guest who asks for the id `ada` gets another id, so before the first connection the id of a guest is not known.
    return { isGuest, id: isGuest ? null : (this.#knownUserId ?? null) }
  }

  /**
   * Returns the app and the user id that go with the credentials. A guest who becomes a user is the one whom the page names. A token of the
   * gateway names its user itself.
   */
  #claim(): { appId: string; userId: string | undefined } {
    const verified = this.#verified
    const userId = verified && !verified.isGuest ? verified.id : this.#givenUserId
    return { appId: this.appId, userId: this.#credentials.held()?.from === 'gateway' ? undefined : userId }
  }

  #startFrame(): StartFrame {
    return toFrame<StartFrame>({
      type: 'start',
      ...this.#claim(),
      user: Object.keys(this.#profile).length ? this.#profile : undefined,
      ...placeOf(cursorOf(this.#state)),
      adopt: this.#isGuest() ? undefined : this.#guestToken?.read(),
      hidden: this.#visibility.start() || undefined,
      ...this.#credentials.held()?.fields,
      client: `chat-session/${VERSION}`,
    })
  }

  /** Emits `logout`, unless the user has logged out already. */
  #logOut(): void {
    if (this.#isLoggedOut) return
    this.#isLoggedOut = true
    // The listeners of this event need the connection, which closes next.
    this.dispatchEvent(new CustomEvent('logout'))
    if (this.#isGuest()) this.#guestToken?.remove()
  }

  async #close(): Promise<void> {
    await withTimeout(CLOSE_TIMEOUT, (done) => void this.#runner.end().then(done))
  }

  /**
   * Loads the methods that most pages never call. Rejects with `script-unavailable` if their script can't be loaded. The next call tries
   * again.
   */
  #loadCalls(): Promise<Calls> {
    return (this.#calls ??= loadCalls().then(
      ({ createCalls }) =>
        createCalls({
          session: this,
          emit: this.#emit,
          endpoint: this.#endpoint,
          sleep: this.#sleep,
          setStartProfile: (profile) => (this.#profile = profile),
          runner: this.#runner,
          outbox: this.#outbox,
          checkedCopy,
          idText,
          SessionError,
        }),
      (error: unknown) => {
        this.#calls = undefined
        throw error
      },
    ))
  }

  /** Tells something to the calls, after everything that they were told before. If they are not loaded, loads them only if `isNeeded`. */
  async #tellCalls(isNeeded: boolean, tell: (calls: Calls) => void): Promise<void> {
    if (!this.#calls && !isNeeded) return
    try {
      tell(await this.#loadCalls())
    } catch (error) {
      this.#emit('error', { error: toSessionError(error, 'script-unavailable') })
    }
  }

  #deliver(frame: GatewayFrameOf<'message' | AnswerType>): void {
    const refusedType = frame.type === 'refused' ? frame.re : undefined
    if (frame.type === 'message') {
      const { type, ...message } = frame
      this.#emit('message', { message: message satisfies Message })
    } else {
      // Signals do not go through the outbox, so the refusal of a signal answers no request of the outbox.
      if (refusedType !== 'signal' && this.#outbox.answered(frame) && frame.type === 'sent') {
        const { type, ...sent } = frame
        this.#emit('sent', sent)
      }
      this.#reportPending()
    }
    // The gateway refuses a field of the profile in a start that it accepts.
    void this.#tellCalls(frame.type === 'signal' || refusedType === 'start', (calls) => calls.received(frame))
  }

  /** The user leaves the page: posts the messages that wait. */
  #postWaiting(): void {
    const { token, signature } = this.#credentials.held()?.fields ?? {}
    this.#postSends = createPostSends(this.#endpoint, { ...this.#claim(), token, signature })
    this.#postSends(this.#outbox.leave())
  }

  /** Stores the waiting messages for the next page of the tab. */
  #leaveSends(): void {
    const sends = this.#outbox.leave()
    this.#leftSends.leave(this.#leftKey, this.#sender(), sends)
    // When the page is left, its own listeners may send more messages.
    if (isPageLeft(this.#state)) this.#postSends(sends)
  }

  /** Sends the messages that earlier pages of the tab have left, if they are this user's. */
  #takeLeftSends(): void {
    const sender = this.#sender()
    const isVerified = this.#info !== null
    const failed: FailedSend[] = []
    // Before the gateway has verified the user, only messages of the user whom the page names are taken. After that the messages of all
    // users are taken, but those of others are not sent.
    for (const record of this.#leftSends.take((each) => isVerified || isSame(each, sender))) {
      const fate = fateOf(record.sender, sender)
      for (const send of record.sends) {
        const { id, to } = send
        if (fate === 'send') this.#outbox.restore(send, (error) => this.#reportPending([{ id, to, error }]))
        if (fate === 'report') failed.push({ id, to, error: new SessionError('unknown-outcome') })
      }
    }
    this.#reportPending(failed)
  }

  /** There is a new connection. */
  #connected(info: SessionInfo): void {
    this.#verified = { isGuest: info.guest, id: info.user.id }
    this.#since = undefined
    this.#visibility.connected()
    this.#takeLeftSends()
    this.#writable = info.resumeKey
    this.#outbox.connected()
    void this.#tellCalls(this.#sleep, (calls) => calls.started(info))
    if (info.guest && info.token) this.#guestToken?.store(info.token)
    // The user has adopted the guest, or there is no such guest any more.
    if (!info.guest && info.adopted !== undefined) this.#guestToken?.remove()
  }

  /** Called after each step. Stores for the next page of the tab what that page needs, and removes it if this page goes on. */
  #keepForNextPage(before: State, after: State): void {
    const isGone = isPageGone(after)
    const isBack = isPageGone(before) && !isGone
    // The page goes on from memory, so the session and the messages that it stored for another page are removed.
    if (isBack) {
      this.#resumeStorage.take()
      this.#leftSends.leave(this.#leftKey, this.#sender(), [])
    }
    // If nothing has changed, the session must not be stored again, because another page may have taken it.
    if (before === after) return
    this.#resumeStorage.save(after)
    if (isGone) this.#leaveSends()
  }

  /** The session is over. */
  #over(error: SessionError | null): void {
    const sender = this.#sender()
    // After an error other than a log-out a later page may have a good token, and sends what earlier pages have left. The error is null
    // after `end()`, and when the last element has left. Then nobody will.
    if (error && !LOGGED_OUT.includes(error.code))
      this.#leftSends.leave(this.#leftSends.newKey(), sender, this.#outbox.giveBack())
    else this.#leftSends.take((each) => isSame(each, sender))
    this.#outbox.end(error ?? new SessionError('ended'))
  }

  #settleStarts(): void {
    const isActive = this.state === 'active'
    if (!isActive && !isOver(this.#state)) return
    const result: StartResult = isActive
      ? { succeeded: true, failed: false, session: this }
      : failedStart(this.error ?? new SessionError('ended'))
    for (const settle of this.#waitingStarts.splice(0)) settle(result)
  }

  #changed(before: State, after: State): void {
    if (after.name === 'active' && connectionOf(after) !== connectionOf(before)) this.#connected(after.info)
    this.#visibility.update()
    this.#keepForNextPage(before, after)
    if (after.name === 'starting' && before.name !== 'starting') {
      this.#isLoggedOut = false
      this.#isRevived = this.#waitingStarts.length === 0
      this.#takeLeftSends()
      void this.#tellCalls(this.#sleep, (calls) => calls.starting())
    }
    if (isOver(after)) this.#over(sessionErrorOf(after))
    // This comes before the events, because a listener may start the session again.
    this.#settleStarts()
    this.#emitChanges(before, after)
  }

  #emitChanges(before: State, after: State): void {
    const retryAt = retryAtOf(after)
    const state = nameOf(after)
    const previous = nameOf(before)
    if (state !== previous || (retryAt !== null && retryAt !== retryAtOf(before)))
      this.#emit('state', { state, previous, error: sessionErrorOf(after), retryAt })
    this.#reportPending()
    const { user: formerUser, unread: formerUnread = 0 } = infoOf(before) ?? {}
    const { user, unread = 0 } = infoOf(after) ?? {}
    // If a listener has ended the session, no other event follows.
    if (user && !this.#info) return
    if (user && toJson(user) !== toJson(formerUser)) this.#emit('user', { user })
    if (unread !== formerUnread) this.#emit('unread', { unread })
  }
}
