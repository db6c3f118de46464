import { ReactiveElement, type PropertyDeclaration, type PropertyDeclarations } from './lit/base.js'
import {
  ChatSession,
  SessionError,
  type Credentials,
  type HistoryRange,
  type Message,
  type NewMessage,
  type PeersPage,
  type PeersRange,
  type Profile,
  type Sent,
  type SessionState,
  type SignalOptions,
  type StartResult,
  type TokenFetcher,
} from '../session/index.js'
import { nextEvent } from '../session/internal.js'
import { profileAttributes, warnOfMisspelt } from './attributes.js'
import { hasCredentials, toDesiredSession, type DesiredSession } from './session/desired-session.js'
import { createEventRelay } from './events/event-relay.js'
import { watchForms } from './parts/form-trigger.js'
import { isSet } from './is-set.js'
import { loadPart } from './parts/parts.js'
import { createRemovalController, isInWindow, isTurboPreview } from './removal.js'
import {
  applyChanges,
  firstOf,
  leave,
  share,
  sharedSessions,
  type SharedSession,
} from './session/shared-session.js'
import { adoptStyle } from './style.js'

/** Milliseconds after which the console says that a tag with a user still has no credentials. */
const CREDENTIALS_WAIT = 5_000

/** As with HTML's own boolean attributes, no value is needed. */
const converter = (value: string | null): boolean => value === '' || isSet(value)
const booleanAttribute: PropertyDeclaration = { converter }

/**
 * `<chat-session>` starts a user's chat session from its attributes, reports every change with DOM events, and ends the session
 * when it leaves the document. It renders nothing and never writes its own attributes.
 *
 * Elements with the same endpoint, app and user share one session. When the last of these elements has left and is not back by the end of
 * the next task, the session ends.
 */
export class ChatSessionElement extends ReactiveElement {
  static override properties: PropertyDeclarations = {
    appId: { attribute: 'app-id' },
    userId: { attribute: 'user-id' },
    token: {},
    signature: {},
    tokenUrl: { attribute: 'token-url' },
    endpoint: {},
    since: {},
    transports: {},
    guest: booleanAttribute,
    adoptGuest: { converter, attribute: 'adopt-guest' },
    manual: booleanAttribute,
    notifications: booleanAttribute,
    push: booleanAttribute,
    sleepHidden: { converter, attribute: 'sleep-hidden' },
    badge: {},
    tokenFetcher: { attribute: false },
    authParams: { attribute: false },
    user: { attribute: false },
  }

  static override get observedAttributes(): string[] {
    return [...super.observedAttributes, ...Object.keys(profileAttributes)]
  }

  /**
   * The only endpoints that elements may use, absolute or relative to the page; null allows any. A session with any other endpoint fails
   * with `bad-endpoint` before any credential is fetched or sent. The script `chat-session.js` takes the endpoints from `data-endpoint` of
   * its tag.
   */
  static endpoints: readonly (string | URL)[] | null = null

  /** The app's id. */
  declare appId: string | null | undefined
  /** The user's id. A number is turned into a string. With a token it may be absent. */
  declare userId: string | number | null | undefined
  /** A JWT that the app's backend signed for the user. */
  declare token: string | null | undefined
  /** HMAC-SHA256 of the user id, in hex. */
  declare signature: string | null | undefined
  /** The URL that tokens are fetched from, with the page's cookies. */
  declare tokenUrl: string | URL | null | undefined
  /** The gateway's URL, absolute or relative to the page. @default the origin of the script, if that is a gateway */
  declare endpoint: string | null | undefined
  /**
   * `EPOCH/OFFSET`, the place in the inbox up to which the server drew the page. Each later message comes once, as `session-message`. The
   * element reads `since` when it makes the session. A later change of `since` restarts nothing.
   */
  declare since: string | null | undefined
  /**
   * How the session may connect: `websocket`, `stream`, or both with a space between them. The element reads `transports` when it makes the
   * session.
   * @default both
   */
  declare transports: string | null | undefined
  /** Start as a guest, where the app takes guests. */
  declare guest: boolean | null | undefined
  /**
   * When a user logs in, the user takes over the messages that this browser's guest of the same app received and sent. The guest's tag
   * needs the attribute, too, so that the session keeps the guest's token in `localStorage`.
   */
  declare adoptGuest: boolean | null | undefined
  /** Do not start before `start()` is called. */
  declare manual: boolean | null | undefined
  /**
   * Show desktop notifications of received messages while no tab of the user is visible. The user has to allow them:
   * `requestNotifications()` asks.
   */
  declare notifications: boolean | null | undefined
  /**
   * Reach the user on this device while no page of the site is open. This needs `notifications`, a service worker, and an app with `push`
   * in the config of the gateway.
   */
  declare push: boolean | null | undefined
  /**
   * Close the connection while the page is hidden for longer than a minute. One hidden page of the user stays connected. The element reads
   * `sleepHidden` when it makes the session.
   */
  declare sleepHidden: boolean | null | undefined
  /**
   * Where the page shows how many messages are unread: any of `title`, `favicon` and `app` (the icon of the installed app), with spaces
   * between them.
   */
  declare badge: string | null | undefined
  /** Called for the first token if `token` is not set. Called again before a token expires, and after one was refused. */
  declare tokenFetcher: TokenFetcher | null | undefined
  /** The JSON, at most 4 kB, that the gateway passes to its `authenticate` function. */
  declare authParams: Credentials['authParams']
  /** The user's profile. The `user-…` attributes override its fields. */
  declare user: Profile | null | undefined

  constructor() {
    super()
    // For an attribute without a value, Vue sets the property. It sets true if the property holds a boolean, and else '', which counts as
    // absent here. So these properties begin as false.
    this.guest = this.adoptGuest = this.manual = this.notifications = this.push = this.sleepHidden = false
    this.addController(this.#relay)
    this.addController(
      createRemovalController(this, () => {
        this.#startCalled = false
        this.#askedFor = undefined
        this.#release()
      }),
    )
  }

  /** The session that this element uses, and the `DesiredSession` that the element last applied to it. */
  #lease: { shared: SharedSession; desired: DesiredSession } | undefined
  // Of the elements that share a session, only the first one's events bubble. So a listener on the document gets each event once.
  readonly #relay = createEventRelay(
    this,
    () =>
      !this.#lease ||
      !this.isConnected ||
      firstOf(this.#lease.shared.members, this.ownerDocument, () => true) === this,
  )
  /** Whether `start()` was called since the element came into the document. */
  #startCalled = false
  /** The key of the `DesiredSession` for which `session-token-needed` asked for the first token. */
  #askedFor: string | undefined
  /** Resolves after the scheduled call of `#reconcile()`. */
  #reconciled: Promise<void> | undefined

  /** `idle`, `starting`, `active`, `reconnecting`, `ended` or `failed`. */
  get state(): SessionState {
    return this.#relay.state
  }

  /** The session that this element uses; null while there is none. */
  get session(): ChatSession | null {
    return this.#lease?.shared.session ?? null
  }

  /** The id that the gateway gave the session; null while there is none. */
  get sessionId(): string | null {
    return this.session?.sessionId ?? null
  }

  /** Whether the hidden page has closed its connection (`sleep-hidden`). The state stays `active`. */
  get sleeping(): boolean {
    return this.session?.sleeping ?? false
  }

  /** How many messages are unread. */
  get unread(): number {
    return this.session?.unread ?? 0
  }

  /** How many messages are not stored yet. */
  get pending(): number {
    return this.session?.pending ?? 0
  }

  /**
   * The error with which the session failed or ended, or the error of its last attempt to connect or to fetch a token. If there is no
   * session, the error is `no-credentials` when the attribute `token` is empty, `user-id` is not empty, and the element is not `manual`.
   */
  get error(): SessionError | null {
    if (this.session) return this.session.error
    // Frameworks set the property, so an empty attribute `token` comes from a template whose variable was empty. But if `user-id` is empty,
    // too, no user is logged in, and that is no error.
    return this.getAttribute('token')?.trim() === '' && this.userId !== '' && !isSet(this.manual)
      ? new SessionError('no-credentials')
      : null
  }

  /** Resolves with the session when it is active. Rejects with a `SessionError` if it fails or ends first. */
  async whenStarted(): Promise<ChatSession> {
    // The scheduled `#reconcile()` may start another session. Then the state of the present session must not settle this promise.
    await this.updateComplete
    await this.#reconciled
    await this.#lease?.shared.becoming
    while (this.state !== 'active' || !this.session) {
      if (this.state === 'failed' || this.state === 'ended') throw this.error ?? new SessionError('ended')
      await nextEvent(this, 'session-state')
    }
    return this.session
  }

  /** Starts the session of a `manual` element, or a session that has ended. Never rejects. Waits until the element is in a document. */
  async start(): Promise<StartResult> {
    await this.updateComplete
    this.#startCalled = true
    this.#askedFor = undefined
    const started = this.#reconcile()
    await this.#lease?.shared.becoming
    const result = await (started ?? this.session?.start())
    return result ?? { succeeded: false, failed: true, error: new SessionError('no-credentials') }
  }

  /**
   * Logs out: ends the session for all elements that share it. The session stays ended until `start()` is called, or another app or user is
   * set.
   */
  async end(): Promise<void> {
    await this.session?.end()
  }

  /** Sends a message. Resolves when it is stored. Rejects with a SessionError: `ended` if there is no session. */
  async send(message: NewMessage): Promise<Sent> {
    return this.#requireSession().send(message)
  }

  /** Returns a part of the user's inbox, in order. */
  async history(range?: HistoryRange): Promise<Message[]> {
    return this.#requireSession().history(range)
  }

  /** Returns the users with whom this user has exchanged messages, the one with the newest message first. */
  async peers(range?: PeersRange): Promise<PeersPage> {
    return this.#requireSession().peers(range)
  }

  /**
   * Marks all messages up to `offset` as read. With the option `with` it marks only the messages of one peer. Resolves when the gateway
   * has accepted the mark. Rejects as `send` does.
   */
  async markRead(offset: number, options?: Pick<HistoryRange, 'with'>): Promise<void> {
    return this.#requireSession().markRead(offset, options)
  }

  /** Sends a signal to the open pages of another user. Resolves with whether the signal was sent. */
  async signal(to: string | number, name: string, options?: SignalOptions): Promise<boolean> {
    return this.#requireSession().signal(to, name, options)
  }

  /** Watches which of these users are online, in place of the users who were watched before. `session-presence` events report changes. */
  async watch(users: readonly (string | number)[]): Promise<void> {
    return this.#requireSession().watch(users)
  }

  /**
   * Asks the user for the permission to show notifications. If the element has `push`, also subscribes this device. Call this method after
   * a gesture, such as a click, because browsers ignore other requests. Rejects with a SessionError: `notifications-denied`,
   * `notifications-unsupported`, `push-unavailable`, or `script-unavailable`.
   */
  async requestNotifications(): Promise<void> {
    await (await loadPart('notifications')).requestPermission(SessionError, this)
  }

  #requireSession(): ChatSession {
    if (!this.session) throw new SessionError('ended')
    return this.session
  }

  override connectedCallback(): void {
    super.connectedCallback()
    if (!isInWindow(this)) return
    adoptStyle(this)
    watchForms()
    // Without this update an element that comes back unchanged would start no session.
    this.requestUpdate()
  }

  /** `moveBefore()` calls this in place of `disconnectedCallback` and `connectedCallback`, so that the session goes on. */
  connectedMoveCallback(): void {
    adoptStyle(this)
  }

  override attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    // Templates leave blanks and line breaks around texts.
    super.attributeChangedCallback(name, before, after?.trim() ?? null)
    this.requestUpdate()
  }

  /** The element needs no shadow root, which would hide its children. */
  protected override createRenderRoot(): this {
    return this
  }

  protected override firstUpdated(): void {
    warnOfMisspelt(this, (this.constructor as typeof ChatSessionElement).observedAttributes)
  }

  protected override updated(): void {
    if (!this.#lease) {
      void this.#reconcile()
      if (!this.session && this.error) this.#relay.warn(this.error)
      return
    }
    // Frameworks set one property after the other. The element applies all changes of a task together, so that they restart the session at
    // most once.
    this.#reconciled ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#reconciled = undefined
        void this.#reconcile()
        resolve()
      })
    })
  }

  /** Applies the attributes and properties to the session. If `#acquire()` starts a session for this, returns the result of the start. */
  #reconcile(): Promise<StartResult> | undefined {
    if (!isInWindow(this) || isTurboPreview(this.ownerDocument)) return undefined
    const lease = this.#lease
    const desired = toDesiredSession(
      this,
      (this.constructor as typeof ChatSessionElement).endpoints,
      lease?.desired,
    )
    if (lease && lease.desired.key !== desired?.key) {
      this.#release()
      // Listeners to the end of the session may have changed attributes and properties, so read them again.
      return this.#reconcile()
    }
    if (!desired) return undefined
    if (!lease) return isSet(this.manual) && !this.#startCalled ? undefined : this.#acquire(desired)
    const previous = lease.desired
    // If `user-id` is cleared while the token names the user, the former id stays. So the session ends if the token is cleared later.
    desired.userId ||= previous.userId
    lease.desired = desired
    applyChanges(lease.shared, desired, previous)
    return undefined
  }

  /** Joins the session with the key of `desired`, or makes the session and starts it. */
  #acquire(desired: DesiredSession): Promise<StartResult> | undefined {
    const { key, endpoint, appId, userId, profileFields } = desired
    let { credentials } = desired
    if (!hasCredentials(credentials) && !sharedSessions.has(key)) {
      const tokenFetcher = this.#askForFirstToken(key)
      if (!tokenFetcher) return undefined
      credentials = { ...credentials, tokenFetcher }
    }
    const { since, transports, adoptGuest } = this
    const sleep = isSet(this.sleepHidden)
    const user = { ...profileFields, id: userId }
    const options = { endpoint, appId, user, since, transports, adoptGuest, sleep, ...credentials }
    const shared = sharedSessions.get(key) ?? share(new ChatSession(options), desired, credentials)
    shared.members.add(this)
    const { session } = shared
    this.#lease = { shared, desired }
    this.#relay.follow(session)
    applyChanges(shared, desired)
    return session.state === 'idle' ? session.start() : undefined
  }

  /** Dispatches `session-token-needed` once for each key. If a listener answers, returns a token source that gives this answer. */
  #askForFirstToken(key: string): TokenFetcher | undefined {
    if (this.#askedFor === key) return undefined
    this.#askedFor = key
    const unneeded = new AbortController()
    let answer = this.#relay.askForToken({ reason: 'first', signal: unneeded.signal })
    if (!answer) {
      setTimeout(() => {
        // The page may have given credentials meanwhile, or the user has logged out.
        if (this.isConnected && !this.session && this.userId)
          this.#relay.warn(new SessionError('no-credentials'))
      }, CREDENTIALS_WAIT)
      return undefined
    }
    // This source returns the answer once, and then undefined. For a later token the session uses its `tokenUrl`, or else dispatches
    // `tokenneeded`.
    return (({ signal }) => {
      const first = answer
      answer = undefined
      signal.addEventListener('abort', () => unneeded.abort())
      return first
    }) as TokenFetcher
  }

  /** Leaves the session. If no other element uses the session, it ends, and this element dispatches the events of the end. */
  #release(): void {
    const lease = this.#lease
    if (!lease) return
    // A listener to the events of the end may change or move the element, and the element may then acquire another session. So the lease is
    // cleared first.
    this.#lease = undefined
    leave(lease.desired.key, lease.shared, this)
    this.#relay.follow()
  }
}

export * from './events/events.js'
