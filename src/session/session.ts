// Projects with an older `lib` need this reference, because the type of this class has `Symbol.asyncDispose`.
/// <reference lib="esnext.disposable" preserve="true" />
import {
  userIdText,
  VERSION,
  type ClientFrameOf,
  type GatewayFrameOf,
  type Message,
  type NewMessage,
  type Profile,
  type User,
} from '../protocol/index.js'
import { toUnixTime, withTimeout } from './util/clock.js'
import { credentialStore, type CredentialStore } from './credentials/credentials.js'
import { SessionError } from './errors.js'
import {
  SessionTarget,
  TokenNeededEvent,
  type FailedSend,
  type SessionEventDetails,
  type SessionState,
} from './events.js'
import type { HistoryRange, PeersPage, PeersRange, PushSubscriber, Sent, SignalOptions } from './messages.js'
import type { Credentials, SessionOptions, StartOptions } from './options.js'
import { newId } from './util/new-id.js'
import { nextEvent } from './util/next-event.js'
import { isOffline } from './util/runtime.js'
import { checkedCopy, createOutbox, type Outbox } from './storage/outbox.js'
import { isPageHidden } from './page.js'
import { createRunner, type Runner } from './runner.js'
import { guestToken } from './storage/guest-token.js'
import { areSendsLeft, leaveSends, leftKey } from './storage/left-sends.js'
import { createResumeStorage, type ResumeStorage } from './storage/resume-key.js'
import {
  isAsleep,
  isOver,
  isPageGone,
  nameOf,
  retryDeadlineOf,
  type Fault,
  type Position,
  type SessionInfo,
  type State,
} from './machine/state.js'
import { profileFields } from './profile-fields.js'
import { sentences } from './sentences.js'
import { unverifiedSubject } from './credentials/unverified-subject.js'
import { loadCalls, loadForSend } from './calls/load-calls.js'
import type { Calls, CallsFrame } from './calls/calls.js'

/** Milliseconds that `end()` waits for the close of the socket. */
const CLOSE_TIMEOUT = 1_000

/** Returns a user id as frames have it. Throws `bad-request` for a number that may have lost digits. */
const idText = <T>(id: T): Exclude<T, number> | string => {
  const text = userIdText(id)
  if (typeof text === 'number') throw new SessionError('bad-request', { message: sentences.badId })
  return text as Exclude<T, number>
}

/** Parses `EPOCH/OFFSET`. If the text has another form, the console says so, and the page works without a position. */
const parsePosition = (text: string | null | undefined): Position | undefined => {
  const [, epoch, offset] = /^(.+)\/(\d{1,15})$/.exec(text ?? '') ?? []
  if (epoch) return { epoch, offset: Number(offset) }
  if (text) console.warn(sentences.badSince(text))
  return undefined
}

const infoOf = ({ info = null }: { name: string; info?: SessionInfo | null }): SessionInfo | null => info

/** Returns the Unix time of the next attempt. */
const retryAtOf = (state: State): number | null => {
  const deadline = retryDeadlineOf(state)
  return deadline && toUnixTime(deadline)
}

const errorOf = ({ error }: { name: string; error?: Fault | null }): SessionError | null =>
  error ? new SessionError(error.code, error) : null

/** The result of `start()`. */
export type StartResult =
  | { succeeded: true; failed: false; session: ChatSession }
  | { succeeded: false; failed: true; error: SessionError }

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
  readonly #credentials: CredentialStore
  readonly #runner: Runner
  readonly #outbox: Outbox
  /**
   * Undefined if there is no storage, or if the user id is not known before the start, because the storage's key needs it. A guest needs no
   * id.
   */
  readonly #resumeStorage: ResumeStorage | undefined
  readonly #isGuest: boolean
  readonly #options: Pick<SessionOptions, 'endpoint' | 'sleep'>
  /** The user id, if it is known before the start. A guest may have no id yet. */
  readonly #knownUserId: string | undefined
  /** The key under which the next page of the tab finds the messages of this page. */
  readonly #leftKey = leftKey()
  /**
   * The key under which `localStorage` keeps the token of this browser's guest, for the user who logs in; undefined without `adoptGuest`.
   */
  readonly #guestKey: string | undefined
  /** The position up to which a server drew the page; undefined once a session has started. */
  #since: Position | undefined
  #userId: string | undefined
  /** The methods that most pages never call; undefined until one of them is needed. */
  #calls: Promise<Calls> | undefined
  #profile: Profile
  /**
   * Whether the outbox has all messages that earlier pages stored for this page. Until then the outbox sends nothing, so that no request
   * overtakes these messages.
   */
  #hasLeftSends: boolean | undefined
  /**
   * Whether the page is hidden, as far as the gateway knows. Undefined if two starts differ in this, because the gateway may have taken
   * either of them.
   */
  #announcedHidden: boolean | undefined = isPageHidden()
  /** The content of the latest `pending` event, as text. */
  #reported = '0,,0'
  /** Whether `logout` was emitted since the latest start. A listener may call `end()` again. */
  #isLoggedOut: boolean | undefined
  /** Resolves the promise of `start()` once the session is active or over. */
  #settleStart: (() => void) | undefined

  constructor({ appId, user = {}, since, ...options }: SessionOptions) {
    super()
    this.appId = appId
    this.#since = parsePosition(since)
    this.#userId = idText(user.id) || undefined
    this.#profile = profileFields(user)
    this.#options = options
    this.#credentials = credentialStore(options, (ask) => {
      const event = new TokenNeededEvent('tokenneeded', ask)
      this.dispatchEvent(event)
      return event.answer
    })
    this.#isGuest = !!this.#credentials.held()?.guest
    const knownUserId = (this.#knownUserId = this.#userId ?? unverifiedSubject(options.token))
    if (options.adoptGuest) this.#guestKey = JSON.stringify(['chat-session', options.endpoint, appId])
    if (knownUserId || this.#isGuest)
      // A guest who asks for the id of a user is somebody else, so the key says whether the user is a guest.
      this.#resumeStorage = createResumeStorage(
        JSON.stringify(['chat-session', options.endpoint, appId, knownUserId, this.#isGuest]),
        this.#isGuest,
        this.#credentials,
      )
    this.#runner = createRunner(options, {
      credentials: this.#credentials,
      resumeStorage: this.#resumeStorage,
      since: () => this.#since,
      startFrame: () => {
        const hidden = isPageHidden()
        if (hidden !== this.#announcedHidden) this.#announcedHidden = undefined
        const { cursor } = this.#runner.state()
        // Without a key there is no session to resume, and `since` has the position.
        const { key, ...since } = cursor ?? {}
        // JSON leaves out fields that are undefined.
        return {
          type: 'start',
          appId,
          userId: this.#userId,
          user: Object.keys(this.#profile).length ? this.#profile : undefined,
          resume: key ? cursor : undefined,
          since: !key && cursor ? since : undefined,
          adopt: this.#isGuest ? undefined : guestToken(this.#guestKey),
          hidden: hidden || undefined,
          // This comes after `userId`, which the credentials may remove.
          ...this.#credentials.held(),
          client: `chat-session/${VERSION}`,
        } as ClientFrameOf<'start'>
      },
      changed: (before, after) => this.#changed(before, after),
      deliver: (frame) => {
        const { type, ...detail } = frame
        if (frame.type === 'message') this.#emit('message', { message: detail as Message })
        else {
          // Signals do not go through the outbox, so the refusal of a signal answers no request of the outbox. Only refusals have `re`.
          if ((frame as { re?: string }).re !== 'signal' && this.#outbox.answered(frame) && type === 'sent')
            this.#emit(type, detail as Sent)
          this.#reportPending()
        }
        void this.#pass(frame)
      },
      emitError: (fault) => this.#emit('error', { error: new SessionError(fault.code, fault) }),
    })
    this.#outbox = createOutbox(
      (request) => this.#hasLeftSends && this.#runner.send(request),
      () => this.info,
      () => this.#reportPending(),
    )
  }

  get state(): SessionState {
    return nameOf(this.#runner.state())
  }

  /** Whether the hidden page has closed its connection (`sleep`). The state stays `active`. */
  get sleeping(): boolean {
    return isAsleep(this.#runner.state())
  }

  /** Why the session ended or failed, or why the last attempt to connect failed. */
  get error(): SessionError | null {
    return errorOf(this.#runner.state())
  }

  /** Unix time in milliseconds of the next attempt to connect; null when none is scheduled. */
  get retryAt(): number | null {
    return retryAtOf(this.#runner.state())
  }

  /** The id that the gateway gave the session; null while there is none. */
  get sessionId(): string | null {
    return this.info?.sessionId ?? null
  }

  /** What carries the session, or carried it before the connection was lost; null while there is no session. */
  get transport(): 'websocket' | 'stream' | null {
    return this.info && (this.info.transport ?? 'websocket')
  }

  /** The user as the gateway knows them; null while there is no session. */
  get user(): User | null {
    return this.info?.user ?? null
  }

  /** Whether the gateway let the user in as a guest. */
  get guest(): boolean {
    return this.info?.guest ?? false
  }

  /** How many messages are unread; 0 while there is no session. */
  get unread(): number {
    return this.info?.unread ?? 0
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
    return this.info?.offset ?? 0
  }

  /**
   * The offset up to which the user has read all messages, here or on another device, as the gateway reported it on the latest connection.
   */
  get readOffset(): number {
    return this.info?.readOffset ?? 0
  }

  /**
   * The gateway's latest state of the session; null while there is none. For the parts of the element (element/parts/parts.ts).
   * @internal
   */
  get info(): SessionInfo | null {
    return infoOf(this.#runner.state())
  }

  /**
   * Starts the session. Never rejects: the result has `succeeded` once the gateway has verified the user, else `failed` and
   * an error. After the timeout the session goes on connecting; its `state` event says when it is active. If the session is starting
   * already, `start()` waits for the outcome.
   */
  async start({ signal, timeout = 30_000 }: StartOptions = {}): Promise<StartResult> {
    const failed = (error = new SessionError('ended')): StartResult => ({
      succeeded: false,
      failed: true,
      error,
    })
    if (this.info) return failed(new SessionError('session-active'))
    if (signal?.aborted) return failed()
    let result = failed(new SessionError('unavailable'))
    // `start()` removes this listener itself. If many listeners wait for the same abort, the option `signal` of `addEventListener` does not
    // always remove a listener in Node.
    const end = (): void => void this.end(true)
    signal?.addEventListener('abort', end)
    await withTimeout(timeout, (done) => {
      const settleOthers = this.#settleStart
      this.#settleStart = () => {
        settleOthers?.()
        const { state } = this
        const active = state === 'active'
        if (!active && !isOver(state)) return
        this.#settleStart = undefined
        signal?.removeEventListener('abort', end)
        result = active ? { succeeded: true, failed: false, session: this } : failed(this.error ?? undefined)
        done()
      }
      if (!this.#runner.isRunning()) this.#runner.start()
    })
    return result
  }

  /**
   * Ends the session, at the gateway too, and frees its resources. Resolves when the connection is closed, at the latest after a second. A
   * connection that is still opening sends `end` when it is open, and is given up after five seconds. A session that has ended may be
   * started again. A guest's session with `adoptGuest` also removes the guest's token from `localStorage`, unless `keepsGuest` is set.
   */
  async end(keepsGuest?: boolean): Promise<void> {
    if (!keepsGuest && !this.#isLoggedOut) {
      this.#isLoggedOut = true
      this.#emit('logout', null)
      if (this.#isGuest) guestToken(this.#guestKey, null)
    }
    await withTimeout(CLOSE_TIMEOUT, (done) => void this.#runner.end().then(done))
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
    const isUsable = this.#credentials.set(credentials) && (token || this.state !== 'active')
    if (isUsable) this.#runner.feed({ type: 'credentials' })
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
    return (await this.#loadCalls()).setProfile(fields, before, (profile) => (this.#profile = profile))
  }

  /**
   * Sends a message. Resolves when the message is stored. Until then the session sends it again on each new connection, and it is never
   * stored twice. Rejects with a SessionError: the gateway's refusal, `unknown-outcome`, `outbox-full`, or why the session ended.
   */
  async send({ to, id = newId(), body, data }: NewMessage): Promise<Sent> {
    if (isOver(this.state)) throw this.error ?? new SessionError('ended')
    const frame = { type: 'send', to: idText(to), id, body, data } as ClientFrameOf<'send'>
    const sent = this.#outbox.add<GatewayFrameOf<'sent'>>(frame)
    if (isPageGone(this.#runner.state())) this.#leave(true)
    this.#reportPending()
    const { type, ...stored } = await sent
    return stored
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

  /**
   * Loads the methods that most pages never call. Rejects with `script-unavailable` if their script can't be loaded. The next call tries
   * again.
   */
  #loadCalls(): Promise<Calls> {
    return (this.#calls ??= loadCalls().then(
      ({ createCalls }) =>
        createCalls({
          ...this.#options,
          session: this,
          knownUserId: this.#knownUserId,
          credentials: this.#credentials,
          runner: this.#runner,
          outbox: this.#outbox,
          checkedCopy,
          idText,
          reportPending: (failed) => this.#reportPending(failed),
          SessionError,
        }),
      (error: unknown) => {
        this.#calls = undefined
        throw error
      },
    ))
  }

  /** Stores the waiting messages for the next page of the tab, or removes them again if this page goes on. */
  #leave(isGone: boolean): void {
    // While this page is gone, another page of the tab may store messages. These messages come first when this page is back.
    this.#hasLeftSends = false
    const sends = isGone ? this.#outbox.leave() : []
    // A guest who asks for the id `ada` gets another id, so before the first connection the id of a guest is not known.
    const userId = (!!this.info || !this.#isGuest) && (this.#userId ?? this.#knownUserId ?? true)
    leaveSends(this.#leftKey, [this.#options.endpoint, this.appId, userId, sends])
  }

  /**
   * Emits `pending` if messages have failed, or if one of these has changed: how many messages wait, why they wait, or the time of the next
   * attempt. Called after everything that may change one of them.
   */
  #reportPending(failed: FailedSend[] = []): void {
    const state = this.#runner.state()
    const isActive = state.name === 'active'
    const pause = this.#outbox.pause()
    const { pending: count } = this
    const held = isOffline() ? 'offline' : isActive ? pause?.reason : 'reconnecting'
    const until = count && (isActive ? pause?.until : retryDeadlineOf(state))
    const reason = (count && held) || null
    const report = [count, reason, until].join()
    if (report === this.#reported && !failed.length) return
    this.#reported = report
    this.#emit('pending', { count, reason, retryAt: until ? toUnixTime(until) : null, failed })
    // When the user leaves the page, the script that is loaded here posts the waiting messages. If the script can't be loaded, the next
    // page of the tab sends them.
    if (count) loadForSend(() => this.pending && this.#loadCalls().catch(() => undefined), reason)
  }

  /**
   * Hands frames to the methods that most pages never call, in the order of the frames. Loads these methods for a signal. Also loads them
   * for a start if the page may sleep, or if an earlier page stored messages.
   */
  async #pass(frame: CallsFrame): Promise<void> {
    const { type } = frame
    const isStart = type.startsWith('start')
    if (this.#calls ?? (type === 'signal' || (isStart && (this.#options.sleep || areSendsLeft()))))
      try {
        ;(await this.#loadCalls()).received(frame)
      } catch (error) {
        this.#emit('error', { error: error as SessionError })
      }
    if (isStart) {
      // Before the gateway has verified the user, messages of a user whom the page does not name stay in the storage.
      this.#hasLeftSends = !!this.info || !areSendsLeft()
      this.#outbox.proceed()
    }
  }

  #changed(before: State, after: State): void {
    const hidden = isPageHidden()
    if (hidden !== this.#announcedHidden && this.#runner.send({ type: 'visibility', hidden }))
      this.#announcedHidden = hidden
    // If a WebSocket takes over from a stream, the session stays `active`, and its resume key changes.
    if (
      after.name === 'active' &&
      (before.name !== 'active' || before.info.resumeKey !== after.info.resumeKey)
    ) {
      this.#userId = after.info.user.id
      this.#since = undefined
      this.#outbox.connected()
      void this.#pass(after.info)
      const { token, adopted } = after.info
      guestToken(this.#guestKey, this.#isGuest ? token : adopted && null)
    }
    const isGone = isPageGone(after)
    const isBack = isPageGone(before) && !isGone
    // The page goes on from memory, so the session that it stored for another page is removed.
    if (isBack) this.#resumeStorage?.take()
    // If nothing has changed, the session must not be stored again, because another page may have taken it.
    if (before !== after) {
      this.#resumeStorage?.save(after)
      if (isGone || isBack) this.#leave(isGone)
    }
    if (after.name === 'starting' && before.name !== 'starting') {
      this.#isLoggedOut = false
      void this.#pass({ type: 'starting' })
    }
    if (isOver(after.name)) this.#outbox.end(errorOf(after) ?? new SessionError('ended'))
    // This comes before the events, because a listener may start the session again.
    this.#settleStart?.()
    const retryAt = retryAtOf(after)
    const state = nameOf(after)
    const previous = nameOf(before)
    if (state !== previous || (retryAt && retryAt !== retryAtOf(before)))
      this.#emit('state', { state, previous, error: errorOf(after), retryAt })
    this.#reportPending()
    const { user: formerUser, unread: formerUnread = 0 } = infoOf(before) ?? {}
    const { user, unread = 0 } = infoOf(after) ?? {}
    // If a listener has ended the session, no other event follows.
    if (user && !this.info) return
    if (user && JSON.stringify(user) !== JSON.stringify(formerUser)) this.#emit('user', { user })
    if (unread !== formerUnread) this.#emit('unread', { unread })
  }

  #emit<K extends keyof SessionEventDetails>(type: K, detail: SessionEventDetails[K]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}
