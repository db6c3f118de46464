import { ReactiveElement, type PropertyDeclaration, type PropertyDeclarations } from './lit/base.js'
import {
  ChatSession,
  SessionError,
  type Credentials,
  type Draft,
  type HistoryRange,
  type Message,
  type Profile,
  type Sent,
  type SessionState,
  type StartResult,
  type TokenFetcher,
} from '../session/index.js'
import { endpointOfScript } from './endpoint.js'
import { isLive, isPreview, watchDeparture } from './removal.js'
import { notifyOf, requestPermission } from './notifications/notifications.js'
import { bring, isFirst, leases, notifierOf, type Shared } from './shared-session.js'
import { adoptStyle } from './style.js'
import { createTeller } from './event-relay.js'
import { hasCredentials, isOn, wantedOf, type Wanted } from './desired-session.js'

const profileAttributes = {
  'user-name': 'name',
  'user-email': 'email',
  'user-photo-url': 'photoUrl',
  'user-locale': 'locale',
  'user-role': 'role',
} as const satisfies Record<string, keyof Profile>

/** A flag is there or not, as HTML's own: its attribute needs no value. */
const flag: PropertyDeclaration = { type: Boolean, converter: (value) => value === '' || isOn(value) }

/**
 * `<chat-session>`: boots a user's chat session from its attributes, tells the page about every change with events, and
 * lets the session go when it leaves the document. It renders nothing and never writes an attribute of its own.
 *
 * Sessions are shared by endpoint, app and user: each element that asks for the same one holds it, and it ends a task
 * after the last of them let go.
 */
export class ChatSessionElement extends ReactiveElement {
  static override properties: PropertyDeclarations = {
    appId: { attribute: 'app-id' },
    userId: { attribute: 'user-id' },
    token: {},
    signature: {},
    tokenUrl: { attribute: 'token-url' },
    endpoint: {},
    guest: flag,
    manual: flag,
    notifications: flag,
    tokenFetcher: { attribute: false },
    authParams: { attribute: false },
    user: { attribute: false },
  }

  static override get observedAttributes(): string[] {
    return [...super.observedAttributes, ...Object.keys(profileAttributes)]
  }

  /** The app's id. */
  declare appId: string | null | undefined
  /** The user's id; a number is turned into a string. A token names its user by itself. */
  declare userId: string | number | null | undefined
  /** A JWT that the app's backend signed for the user. */
  declare token: string | null | undefined
  /** HMAC-SHA256 of the user id, in hex. */
  declare signature: string | null | undefined
  /** Where tokens can be fetched with the page's cookies. */
  declare tokenUrl: string | URL | null | undefined
  /** The gateway's address, absolute or relative to the page. @default where the script came from, if from a gateway */
  declare endpoint: string | null | undefined
  /** Be a guest, where the app allows it. */
  declare guest: boolean | null | undefined
  /** Don't start by itself. */
  declare manual: boolean | null | undefined
  /**
   * Show a desktop notification for a message of somebody else that comes while no tab of the app is visible, where the
   * user has allowed that: `requestNotifications()` asks.
   */
  declare notifications: boolean | null | undefined
  /** Asked for the first token, and for a fresh one before a token lapses. */
  declare tokenFetcher: TokenFetcher | null | undefined
  /** What the app's authentication function is called with: JSON of at most 4 kB. */
  declare authParams: Credentials['authParams']
  /** The profile; the `user-…` attributes win over its fields. */
  declare user: Profile | null | undefined

  constructor() {
    super()
    // As HTML's own begin: where Vue finds no boolean, it takes an attribute without a value for an empty text.
    this.guest = this.manual = this.notifications = false
  }

  /** The session that this element holds, and what it asked for it with. */
  #held: { shared: Shared; wanted: Wanted } | undefined
  // Of several elements with one session only the first in the document lets its events bubble.
  readonly #teller = createTeller(this, () => !this.#held || isFirst(this, this.#held.wanted.key))
  readonly #departure = watchDeparture(this, () => {
    this.#called = false
    this.#askedFor = undefined
    this.#drop()
  })
  /** `start()` was called on a manual element. */
  #called = false
  /** The key that the page was asked for a first token for. */
  #askedFor: string | undefined
  /** What changed is taken over by the time this resolves. */
  #planned: Promise<void> | undefined

  /** `idle`, `starting`, `active`, `reconnecting`, `ended` or `failed`. */
  get state(): SessionState {
    return this.#teller.state
  }

  /** The session under this element; null while there is none. */
  get session(): ChatSession | null {
    return this.#held?.shared.session ?? null
  }

  /** The id that the gateway gave the session; null while there is none. */
  get sessionId(): string | null {
    return this.session?.id ?? null
  }

  /** How many messages are unread. */
  get unread(): number {
    return this.session?.unread ?? 0
  }

  /** Why the session failed or ended, or why the last attempt to connect did. */
  get error(): SessionError | null {
    return this.session?.error ?? null
  }

  /** Resolves with the session as soon as it is live; rejects with its `SessionError` when it fails or ends first. */
  async whenStarted(): Promise<ChatSession> {
    // What was before counts no more once it boots anew, or changes.
    await this.updateComplete
    await this.#planned
    return new Promise((resolve, reject) => {
      const settled = new AbortController()
      const look = (): void => {
        if (this.state === 'active' && this.session) resolve(this.session)
        else if (this.state === 'failed' || this.state === 'ended')
          reject(this.error ?? new SessionError('ended'))
        else return
        settled.abort()
      }
      this.addEventListener('session-state', look, { signal: settled.signal })
      look()
    })
  }

  /** Starts the session: a `manual` element's, or one that has ended. Never rejects; waits for a document to be in. */
  async start(): Promise<StartResult> {
    await this.updateComplete
    this.#called = true
    this.#askedFor = undefined
    const started = this.#reconcile()
    const shared = this.#held?.shared
    if (!shared) return { succeeded: false, failed: true, error: new SessionError('no-credentials') }
    if (started) return await started
    const { session } = shared
    return session.state === 'starting' && shared.started
      ? shared.started
      : (shared.started = session.start())
  }

  /**
   * Logs out: ends the session for all elements that share it. It stays ended until `start()`, or another app or user.
   */
  async end(): Promise<void> {
    await this.session?.end()
  }

  /** Sends a message; resolves when it is durable. Rejects with a SessionError, `ended` where there is no session. */
  async send(draft: Draft): Promise<Sent> {
    return this.#live.send(draft)
  }

  /** A part of the user's inbox, in order. */
  async history(range?: HistoryRange): Promise<Message[]> {
    return this.#live.history(range)
  }

  /** All up to `offset` is read. */
  markRead(offset: number): void {
    this.session?.markRead(offset)
  }

  /**
   * Asks the user for the permission to show notifications; browsers want this to follow a gesture, such as a click.
   * Rejects with a SessionError: `notifications-denied`, or `notifications-unsupported` where there are none.
   */
  requestNotifications(): Promise<void> {
    return requestPermission()
  }

  get #live(): ChatSession {
    if (!this.session) throw new SessionError('ended')
    return this.session
  }

  override connectedCallback(): void {
    super.connectedCallback()
    const view = this.ownerDocument.defaultView
    if (!view) return
    adoptStyle(this.getRootNode())
    this.#teller.showState()
    // Before the session listens, which leaves to the next page what is still held.
    this.#departure.arrived(view)
    this.requestUpdate()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#departure.left()
  }

  /** A move within the document is no reason to let go. */
  connectedMoveCallback(): void {
    adoptStyle(this.getRootNode())
  }

  override attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    super.attributeChangedCallback(name, before, after)
    if (name in profileAttributes) this.requestUpdate()
  }

  /** It renders nothing, so it needs no shadow root: children stay as they are. */
  protected override createRenderRoot(): this {
    return this
  }

  protected override updated(): void {
    if (!this.#held) return void this.#reconcile()
    // What changes in one task is one change: frameworks set one property after the other.
    this.#planned ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#planned = undefined
        void this.#reconcile()
        resolve()
      })
    })
  }

  /** Makes the session that is held the one that is asked for. Answers what comes of it if it boots one. */
  #reconcile(): Promise<StartResult> | undefined {
    if (!isLive(this) || isPreview(this.ownerDocument)) return undefined
    const wanted = this.#wanted()
    const held = this.#held
    if (held && held.wanted.key !== wanted?.key) {
      this.#drop()
      // Those who heard of it may have changed everything.
      return this.#reconcile()
    }
    if (!wanted) return undefined
    if (!held) return isOn(this.manual) && !this.#called ? undefined : this.#boot(wanted)
    const before = held.wanted
    held.wanted = wanted
    bring(held.shared, wanted, before)
    return undefined
  }

  #wanted(): Wanted | undefined {
    const profile: Profile = { ...this.user }
    for (const [attribute, field] of Object.entries(profileAttributes)) {
      const value = this.getAttribute(attribute)
      if (value) profile[field] = value
    }
    const { appId, userId, token, tokenFetcher, tokenUrl, signature, authParams, guest } = this
    const credentials = { token, tokenFetcher, tokenUrl, signature, authParams, guest: isOn(guest) }
    const endpoint = this.endpoint || endpointOfScript()
    return wantedOf({ endpoint, appId, userId, profile, credentials }, this.baseURI, this.#held?.wanted)
  }

  /** Joins those who hold the session, or makes it. */
  #boot(wanted: Wanted): Promise<StartResult> | undefined {
    const { key, endpoint, appId, userId, profile } = wanted
    let { credentials } = wanted
    if (!hasCredentials(credentials) && !leases.holders(key).size) {
      const tokenFetcher = this.#askFirst(key)
      if (!tokenFetcher) return undefined
      credentials = { ...credentials, tokenFetcher }
    }
    const shared = leases.hold(key, this, () => {
      const session = new ChatSession({ endpoint, appId, user: { ...profile, id: userId }, ...credentials })
      notifyOf(session, () => notifierOf(key))
      return { session, credentials, profile }
    })
    const { session } = shared
    this.#held = { shared, wanted }
    this.#teller.listen(session)
    bring(shared, wanted)
    if (session.state !== this.state) this.#teller.tell(session)
    return shared.started ? undefined : (shared.started = session.start())
  }

  /** Asks the page, once for a user, for a first token. What it answers is the source; later it is asked anew. */
  #askFirst(key: string): TokenFetcher | undefined {
    if (this.#askedFor === key) return undefined
    this.#askedFor = key
    const wanted = new AbortController()
    let answer = this.#teller.ask({ reason: 'first', signal: wanted.signal })
    if (!answer) return undefined
    // Without an answer in it, it is no source any more: the session asks its listeners.
    return (({ signal }) => {
      const first = answer
      answer = undefined
      signal.addEventListener('abort', () => wanted.abort())
      return first
    }) as TokenFetcher
  }

  /** Lets go at once. Where nobody else holds the session it ends, and listeners hear of that. */
  #drop(): void {
    const held = this.#held
    if (!held) return
    // First, so that whoever hears of it finds this element free.
    this.#held = undefined
    leases.release(held.wanted.key, this)
    this.#teller.leave()
  }
}

export * from './events.js'
