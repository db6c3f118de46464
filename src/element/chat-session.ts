import { ReactiveElement, type PropertyDeclarations } from './base.js'
import {
  ChatSession,
  SessionError,
  TokenNeededEvent,
  type Credentials,
  type Profile,
  type SessionState,
  type SessionUser,
  type StartResult,
  type StateDetail,
  type TokenAsk,
  type TokenFetcher,
} from '../session/index.js'
import { createLeases } from '../session/lease.js'
import { endpointOfScript } from './endpoint.js'
import {
  SessionEndedEvent,
  SessionErrorEvent,
  SessionFailedEvent,
  SessionStartedEvent,
  SessionStateEvent,
  SessionUserEvent,
} from './events.js'
import { adoptStyle } from './style.js'
import {
  changesOf,
  hasCredentials,
  liveChange,
  needsRestart,
  sameContent,
  wantedOf,
  type Wanted,
} from './wanted.js'

/** A session as the elements that hold it share it. */
interface Shared {
  session: ChatSession
  /** The last of each that any of them set. */
  credentials: Credentials
  profile: Profile
}

const leases = createLeases<ChatSessionElement, Shared>(({ session }) => void session.end())

const profileAttributes = {
  'user-name': 'name',
  'user-email': 'email',
  'user-photo-url': 'photoUrl',
  'user-locale': 'locale',
  'user-role': 'role',
} as const satisfies Record<string, keyof Profile>

/** A Turbo preview is a cached copy of a page that is about to be replaced. */
const isPreview = (document: Document): boolean => document.documentElement.hasAttribute('data-turbo-preview')

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
    guest: { type: Boolean },
    manual: { type: Boolean },
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
  declare guest: boolean
  /** Don't start by itself. */
  declare manual: boolean
  /** Asked for the first token, and for a fresh one before a token lapses. */
  declare tokenFetcher: TokenFetcher | null | undefined
  /** What the app's authentication function is called with. */
  declare authParams: Record<string, unknown> | null | undefined
  /** The profile; the `user-…` attributes win over its fields. */
  declare user: SessionUser | null | undefined

  readonly #internals = 'attachInternals' in this ? this.attachInternals() : undefined
  /** What the session that is held was made from, as this element last asked for it. */
  #held: Wanted | undefined
  #shared: Shared | undefined
  /** Ends what is listened to on the session. */
  #deaf = new AbortController()
  /** What listeners were last told. */
  #state: SessionState = 'idle'
  #sessionId: string | null = null
  /** `start()` was called on a manual element. */
  #called = false
  #booting: Promise<StartResult> | undefined
  /** The key that the page was asked for a first token for. */
  #askedFor: string | undefined
  #planned = false

  /** `idle`, `starting`, `active`, `reconnecting`, `ended` or `failed`. */
  get state(): SessionState {
    return this.#state
  }

  /** The session under this element; null while there is none. */
  get session(): ChatSession | null {
    return this.#shared?.session ?? null
  }

  /** The id that the gateway gave the session; null while there is none. */
  get sessionId(): string | null {
    return this.session?.id ?? null
  }

  /** Why the session failed or ended, or why the last attempt to connect did. */
  get error(): SessionError | null {
    return this.session?.error ?? null
  }

  /** Resolves with the session as soon as it is live; rejects with its `SessionError` when it fails or ends first. */
  whenStarted(): Promise<ChatSession> {
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

  /** Starts the session: a `manual` element's, or one that has ended. Never rejects. */
  async start(): Promise<StartResult> {
    this.#called = true
    this.#askedFor = undefined
    await this.updateComplete
    this.#reconcile()
    const failed = new SessionError('no-credentials')
    return this.#booting ?? this.session?.start() ?? { succeeded: false, failed: true, error: failed }
  }

  /**
   * Logs out: ends the session for all elements that share it. It stays ended until `start()`, or another app or user.
   */
  async end(): Promise<void> {
    await this.session?.end()
  }

  override connectedCallback(): void {
    super.connectedCallback()
    const view = this.ownerDocument.defaultView
    if (!view) return
    adoptStyle(this.getRootNode())
    if (this.#held) this.#hold(this.#held)
    // Elements in a frame that is removed are told nothing, and stay connected to a document without a window.
    if (view !== window)
      view.addEventListener('pagehide', () => this.ownerDocument.defaultView === view && this.#release())
    this.requestUpdate()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#release()
  }

  /** A move within the document is no reason to let go. */
  connectedMoveCallback(): void {
    adoptStyle(this.getRootNode())
  }

  override attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    super.attributeChangedCallback(name, before, after)
    if (name in profileAttributes) this.requestUpdate()
  }

  /** Called by the lease, a task after this element let go. */
  released(key: string): void {
    if (this.#held?.key !== key) return
    this.#forget()
    // It goes on for others, but not for this element.
    if (this.state !== 'ended' && this.state !== 'failed')
      this.#tell({ state: 'idle', error: null, retryAt: null })
  }

  /** It renders nothing, so it needs no shadow root: children stay as they are. */
  protected override createRenderRoot(): this {
    return this
  }

  protected override updated(): void {
    if (!this.#held) return this.#reconcile()
    // What changes in one task is one change: frameworks set one property after the other.
    if (this.#planned) return
    this.#planned = true
    setTimeout(() => {
      this.#planned = false
      this.#reconcile()
    })
  }

  /** Makes the session that is held the one that is asked for. */
  #reconcile(): void {
    const { isConnected, ownerDocument } = this
    if (!isConnected || !ownerDocument.defaultView || isPreview(ownerDocument)) return
    const wanted = this.#wanted()
    if (this.#held && this.#held.key !== wanted?.key) this.#drop(this.#held)
    if (!wanted) return
    if (this.#held) this.#change(wanted, this.#held)
    else if (!this.manual || this.#called) this.#boot(wanted)
  }

  #wanted(): Wanted | undefined {
    const user: SessionUser = { ...this.user }
    for (const [attribute, field] of Object.entries(profileAttributes)) {
      const value = this.getAttribute(attribute)
      if (value) user[field] = value
    }
    const { endpoint, appId, userId, token, tokenFetcher, tokenUrl, signature, authParams, guest } = this
    const credentials = { token, tokenFetcher, tokenUrl, signature, authParams, guest }
    return wantedOf(
      { endpoint: endpoint || endpointOfScript(), appId, userId, user, credentials },
      this.baseURI,
    )
  }

  #boot(wanted: Wanted): void {
    const { credentials } = wanted
    const tokenFetcher = hasCredentials(credentials) ? credentials.tokenFetcher : this.#askFirst(wanted.key)
    if (!hasCredentials({ ...credentials, tokenFetcher })) return
    const session = this.#hold(wanted, tokenFetcher)
    if (session.state !== 'idle') return
    this.#booting = session.start().finally(() => (this.#booting = undefined))
  }

  /** Asks the page, once for a user, for a first token. What it answers is the source; later it is asked anew. */
  #askFirst(key: string): TokenFetcher | undefined {
    if (this.#askedFor === key) return undefined
    this.#askedFor = key
    const wanted = new AbortController()
    let answer = this.#askPage({ reason: 'first', signal: wanted.signal })
    if (!answer) return undefined
    return ({ signal }) => {
      const first = answer
      answer = undefined
      signal.addEventListener('abort', () => wanted.abort())
      return first as Promise<string | null>
    }
  }

  #askPage(ask: TokenAsk): Promise<string | null> | undefined {
    const event = new TokenNeededEvent('session-token-needed', ask, {
      bubbles: this.#isFirst(),
      composed: true,
    })
    this.dispatchEvent(event)
    return event.answer
  }

  /** Joins those who hold the session, or makes it. */
  #hold(wanted: Wanted, tokenFetcher = wanted.credentials.tokenFetcher): ChatSession {
    const { endpoint, appId, userId, profile } = wanted
    const credentials = { ...wanted.credentials, tokenFetcher }
    const shared = leases.hold(wanted.key, this, () => ({
      session: new ChatSession({ endpoint, appId, user: { ...profile, id: userId }, ...credentials }),
      credentials,
      profile,
    }))
    const { session } = shared
    this.#held = wanted
    if (shared === this.#shared) return session
    this.#shared = shared
    this.#listen(session)
    this.#change(wanted)
    if (session.state !== this.state) this.#tell(session)
    return session
  }

  #listen(session: ChatSession): void {
    this.#deaf.abort()
    const { signal } = (this.#deaf = new AbortController())
    session.addEventListener('state', ({ detail }) => this.#tell(detail), { signal })
    session.addEventListener(
      'user',
      ({ detail }) => this.#fire(new SessionUserEvent('session-user', { user: detail })),
      { signal },
    )
    session.addEventListener(
      'error',
      ({ detail }) => this.#fire(new SessionErrorEvent('session-error', { error: detail })),
      { signal },
    )
    session.addEventListener(
      'tokenneeded',
      (event) => {
        const answer = this.#askPage(event)
        if (answer) event.respondWith(answer)
      },
      { signal },
    )
  }

  /** Brings what differs from what this element asked for before to the session that it shares. */
  #change(wanted: Wanted, before?: Wanted): void {
    const shared = this.#shared
    if (!shared) return
    this.#held = wanted
    const { session } = shared
    const changes = changesOf(before?.credentials ?? {}, wanted.credentials)
    const fresh = changesOf(shared.credentials, changes)
    shared.credentials = { ...shared.credentials, ...changes }
    if (needsRestart(fresh)) {
      session.setCredentials(shared.credentials)
      void session.end().then(() => session.start())
    } else if (Object.keys(fresh).length) session.setCredentials(liveChange(shared.credentials, fresh))
    if (sameContent(wanted.profile, (before ?? shared).profile)) return
    shared.profile = wanted.profile
    session.setProfile(wanted.profile)
  }

  #release(): void {
    if (this.#held) leases.release(this.#held.key, this)
  }

  /** Lets go at once: what is asked for is something else. */
  #drop({ key }: Wanted): void {
    leases.drop(key, this)
    this.#forget()
    if (this.state !== 'ended' && this.state !== 'failed')
      this.#tell({ state: 'idle', error: null, retryAt: null })
  }

  #forget(): void {
    this.#deaf.abort()
    this.#held = this.#shared = this.#booting = undefined
    this.#sessionId = null
  }

  #tell({ state, error, retryAt }: Pick<StateDetail, 'state' | 'error' | 'retryAt'>): void {
    const previous = this.#state
    this.#state = state
    this.#showState(previous)
    this.#fire(new SessionStateEvent('session-state', { state, previous, error, retryAt }))
    const { session, sessionId } = this
    if (state === 'failed' && error) this.#fire(new SessionFailedEvent('session-failed', { error }))
    if (state === 'ended') this.#fire(new SessionEndedEvent('session-ended', { error }))
    if (state !== 'active' || sessionId === null || sessionId === this.#sessionId || !session?.user) return
    this.#sessionId = sessionId
    const { user, guest } = session
    this.#fire(new SessionStartedEvent('session-started', { sessionId, user, guest }))
  }

  /** For CSS: `chat-session:state(active)`. */
  #showState(previous: SessionState): void {
    const states = this.#internals?.states as CustomStateSet | undefined
    try {
      states?.delete(previous)
      states?.add(this.#state)
    } catch {
      // Before Chrome 125 only `--names` were taken, and `:state()` was not there to ask for them.
    }
  }

  #fire(event: CustomEvent): void {
    this.dispatchEvent(event)
  }

  /** Of several elements with one session only the first in the document lets its events bubble. */
  #isFirst(): boolean {
    for (const other of this.#held ? leases.holders(this.#held.key) : [])
      if (other.isConnected && this.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_PRECEDING)
        return false
    return true
  }
}
