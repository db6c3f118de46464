import type { ChatSessionElement } from '../../../element/chat-session.js'
import type {} from '../../../element/define.js'
import { profileAttributes } from '../../../element/internal.js'
import type { SessionError, TokenAsk } from '../../../session/index.js'
import type { ActivityLog } from '../activity-log.js'
import { credentialsFor, fetchToken, setSignedIn, tokenUrlOf } from '../backend.js'
import { eventNames, summaryOf } from '../element-events.js'
import { NetworkLink } from './network-link.js'
import { entriesOf, loginMethods, nextUser, type Settings } from '../settings.js'
import { Thread } from './thread.js'

/** The element's request to the page for a token. */
interface TokenRequest {
  reason: TokenAsk['reason']
  respond(token: string | null): void
}

/** A real `<chat-session>` in the page, and the actions on it. */
export class PanelSession {
  readonly link: NetworkLink
  readonly thread: Thread
  /** Whether the page prevents notifications. */
  preventsNotifications = false
  /** Why `requestNotifications()` was refused. */
  notificationsRefused: SessionError | null = null
  /** The latest notification that the element announced. */
  notification: { title: string; body: string; prevented: boolean } | null = null
  tokenRequest: TokenRequest | null = null
  readonly #places: readonly HTMLElement[]
  readonly #log: ActivityLog
  readonly #changed: () => void
  /** Logs the requests to a token-url. The element makes them without an event, so they are read from the browser's list of resources. */
  readonly #tokenUrlRequests = new PerformanceObserver((list) => {
    if (!this.#settings) return
    const { href } = new URL(tokenUrlOf(this.#settings, this.link.name), location.href)
    for (const { name } of list.getEntries())
      if (name === href) this.#log.add('backend', 'token-url', 'was requested')
  })
  #element: ChatSessionElement | null = null
  /** The index of the element's place, kept while the element is removed. */
  #place = 0
  /** The settings of the element. */
  #settings: Settings | null = null

  /** `changed` is called when there is something new to show. */
  constructor(places: readonly HTMLElement[], log: ActivityLog, changed: () => void) {
    this.#places = places
    this.#log = log
    this.#changed = changed
    this.link = new NetworkLink(log, changed)
    this.thread = new Thread(log, changed)
    this.#tokenUrlRequests.observe({ type: 'resource' })
  }

  /** What the panel shows of the element and its session. */
  get view() {
    const element = this.#element
    const state = element?.state ?? 'idle'
    const isVerified = state === 'active' || state === 'reconnecting'
    const isLive = isVerified || state === 'starting'
    const isInPage = element?.isConnected ?? false
    const session = isVerified ? element?.session : null
    const { credentials, lifetime } = loginMethods[this.#settings?.method ?? 'guest']
    return {
      state,
      isLive,
      isInPage,
      isRemoved: element !== null && !isInPage,
      canStart: isInPage && !isLive,
      canRefresh: state === 'active' && lifetime !== undefined,
      canSignOut: isLive && (credentials.includes('tokenFetcher') || credentials.includes('tokenUrl')),
      exists: element !== null,
      error: element?.error ?? null,
      /** Unix time in milliseconds. */
      retryAt: element?.session?.retryAt ?? null,
      sessionId: session?.sessionId,
      transport: session?.transport ?? null,
      user: session?.user,
      guest: session?.guest,
      unread: isVerified ? (element?.unread ?? 0) : 0,
      pending: element?.pending ?? 0,
    }
  }

  /** Puts a new element into the page, with attributes, as a server would render it. The previous session ends first. */
  async mount(settings: Settings): Promise<void> {
    await this.#discard()
    await setSignedIn(settings, true)
    await customElements.whenDefined('chat-session')
    const element = document.createElement('chat-session')
    const label = document.createElement('code')
    label.textContent = '<chat-session>'
    element.append(label)
    this.#listen(element)
    this.thread.follow(element)
    await this.#configure(element, settings)
    this.#element = element
    this.#log.add('you', 'put the element in the page', `${settings.appId}, ${settings.method}`)
    this.#putIn(this.#place)
  }

  async start(): Promise<void> {
    this.#log.add('you', 'called start()')
    const result = await this.#element?.start()
    if (result?.failed) this.#log.add('you', 'start() failed', result.error.code, result.error)
  }

  async end(): Promise<void> {
    this.#log.add('you', 'called end()')
    await this.#element?.end()
  }

  remove(): void {
    this.#log.add('you', 'removed the element')
    this.#element?.remove()
    this.#changed()
  }

  putBack(): void {
    this.#log.add('you', 'put the element back')
    this.#putIn(this.#place)
  }

  move(): void {
    this.#log.add('you', 'moved the element')
    this.#putIn(1 - this.#place)
  }

  #putIn(place: number): void {
    this.#place = place
    if (this.#element) this.#places[place]?.append(this.#element)
    this.#changed()
  }

  /** Logs another user in on the same page. All attributes change in one task, as with a framework. */
  async changeUser(): Promise<Settings | null> {
    if (!this.#element || !this.#settings) return null
    const { userId, name } = nextUser(this.#settings.userId)
    const settings: Settings = { ...this.#settings, userId, profile: { name } }
    this.#log.add('you', 'changed the user', userId)
    await this.#configure(this.#element, settings)
    this.#changed()
    return settings
  }

  /** Applies the settings that do not restart a live session: the profile, which is sent to the gateway, and notifications. */
  update({ profile, notifications }: Settings): void {
    if (!this.#element || !this.#settings) return
    this.#settings = { ...this.#settings, profile, notifications }
    this.#applyUpdatable(this.#element, this.#settings)
  }

  async refreshToken(): Promise<void> {
    if (!this.#element || !this.#settings) return
    const token = await fetchToken(this.#settings)
    // For the element an equal token is no change.
    const isSame = token === this.#element.token
    this.#log.add('you', 'set a fresh token', token ? (isSame ? 'the same as before' : '') : 'signed out')
    if (token) this.#element.setAttribute('token', token)
  }

  async signOut(): Promise<void> {
    if (!this.#settings) return
    await setSignedIn(this.#settings, false)
    this.#log.add('you', 'logged out of the source', 'its next answer is null')
  }

  async respond(signedOut: boolean): Promise<void> {
    if (!this.tokenRequest || !this.#settings) return
    const { tokenRequest } = this
    const token = signedOut ? null : await fetchToken(this.#settings)
    this.#log.add('you', 'answered', token === null ? 'null: signed out' : 'a token')
    tokenRequest.respond(token)
  }

  /** Must be called in the handler of a click, because browsers ask for permission only then. */
  async requestNotifications(): Promise<void> {
    try {
      await this.#element?.requestNotifications()
      this.notificationsRefused = null
      this.#log.add('you', 'called requestNotifications()', 'allowed')
    } catch (error) {
      this.notificationsRefused = error as SessionError
      this.#log.add('you', 'requestNotifications() was refused', this.notificationsRefused.code, error)
    }
  }

  /** Removes the element for good. */
  async close(): Promise<void> {
    this.#tokenUrlRequests.disconnect()
    await this.#discard()
  }

  #listen(element: ChatSessionElement): void {
    for (const name of eventNames)
      element.addEventListener(name, (event) => {
        const detail = event instanceof CustomEvent ? event.detail : { reason: event.reason }
        this.#log.add('event', name, summaryOf(name, event), detail)
      })
    element.addEventListener('session-token-needed', (event) => {
      if (this.#settings?.method === 'nothing') event.respondWith(this.#askPerson(event))
    })
    element.addEventListener('session-notification', (event) => {
      const prevented = this.preventsNotifications
      if (prevented) event.preventDefault()
      this.notification = { title: event.detail.title, body: event.detail.options.body ?? '', prevented }
      this.#changed()
    })
  }

  #askPerson({ reason, signal }: TokenAsk): Promise<string | null> {
    return new Promise((resolve) => {
      const request: TokenRequest = { reason, respond: (token) => (resolve(token), settle()) }
      const settle = (): void => {
        if (this.tokenRequest === request) this.tokenRequest = null
        this.#changed()
      }
      this.tokenRequest = request
      signal.addEventListener('abort', settle, { once: true })
      this.#changed()
    })
  }

  async #configure(element: ChatSessionElement, settings: Settings): Promise<void> {
    const credentials = await credentialsFor(settings, this.link.name, async ({ reason, signal }) => {
      const token = await fetchToken(settings, signal)
      this.#log.add('backend', 'tokenFetcher', `${reason}: ${token ? 'a token' : 'null, signed out'}`)
      return token
    })
    this.#settings = settings
    this.tokenRequest = null
    setAttribute(element, 'endpoint', this.link.endpoint)
    setAttribute(element, 'app-id', settings.appId)
    setAttribute(element, 'user-id', settings.userId)
    setAttribute(element, 'token', credentials.token)
    setAttribute(element, 'token-url', credentials.tokenUrl?.toString())
    setAttribute(element, 'signature', credentials.signature)
    element.guest = credentials.guest ?? false
    element.tokenFetcher = credentials.tokenFetcher
    element.authParams = credentials.authParams
    this.#applyUpdatable(element, settings)
  }

  #applyUpdatable(element: ChatSessionElement, { profile, notifications }: Settings): void {
    for (const [name, field] of entriesOf(profileAttributes)) setAttribute(element, name, profile[field])
    element.toggleAttribute('notifications', notifications)
  }

  async #discard(): Promise<void> {
    const element = this.#element
    if (!element) return
    element.remove()
    this.#element = this.tokenRequest = null
    // The element releases its session a task after its removal. Until then a new element for the same user would share the session.
    for (let task = 0; element.session && task < 100; task++)
      await new Promise((resolve) => setTimeout(resolve))
  }
}

const setAttribute = (element: Element, name: string, value: string | null | undefined): void => {
  if (value) element.setAttribute(name, value)
  else element.removeAttribute(name)
}
