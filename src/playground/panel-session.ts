import type { ChatSessionElement } from '../element/chat-session.js'
import type {} from '../element/define.js'
import type { SessionError, SessionState, TokenAsk, User } from '../session/index.js'
import { credentialsFor, fetchToken, signIn, signOut, tokenUrlOf } from './backend.js'
import { entriesOf, nextPerson, profileAttributes, type Choice, type ProfileField } from './settings.js'
import type { Diary } from './activity-log.js'
import { eventNames, summaryOf } from './element-events.js'
import { Line, type Condition } from './line.js'
import { Thread } from './thread.js'

/** What is to be seen of the session. */
export interface View {
  state: SessionState
  error: SessionError | null
  /** Unix time in milliseconds. */
  retryAt: number | null
  sessionId: string | null
  user: User | null
  guest: boolean
  unread: number
}

/** A desktop notification that a message came with. */
export interface Notified {
  title: string
  body: string
  /** The page kept the browser from showing it. */
  stopped: boolean
}

/** A token that the page was asked for, and has not given yet. */
export interface Question {
  reason: TokenAsk['reason']
  answer(token: string | null): void
}

export const nobody: View = {
  state: 'idle',
  error: null,
  retryAt: null,
  sessionId: null,
  user: null,
  guest: false,
  unread: 0,
}

/** A real `<chat-session>` in the page, and what can be done to it. Tells of every change by `change`. */
export class Stage extends EventTarget {
  readonly line = new Line()
  readonly thread: Thread
  /** Keep the browser from showing notifications. */
  stopsNotifications = false
  readonly #closed = new AbortController()
  readonly #places: readonly HTMLElement[]
  readonly #diary: Diary
  #element: ChatSessionElement | null = null
  /** Which of the places it is in, or goes to when it is put back. */
  #place = 0
  #choice: Choice | null = null
  #question: Question | null = null
  #notified: Notified | null = null

  constructor(places: readonly HTMLElement[], diary: Diary) {
    super()
    this.#places = places
    this.#diary = diary
    this.thread = new Thread(diary)
    this.line.addEventListener('change', () => this.#changed())
    this.thread.addEventListener('change', () => this.#changed())
    this.#watchTokenUrl()
  }

  get view(): View {
    if (!this.#element) return nobody
    const { state, error, sessionId, session, unread } = this.#element
    const live = state === 'active' || state === 'reconnecting'
    return {
      state,
      error,
      sessionId,
      retryAt: session?.retryAt ?? null,
      user: live ? (session?.user ?? null) : null,
      guest: live && (session?.guest ?? false),
      unread: live ? unread : 0,
    }
  }

  /** The last notification that there was. */
  get notified(): Notified | null {
    return this.#notified
  }

  get question(): Question | null {
    return this.#question
  }

  /** What the element was last made for. */
  get choice(): Choice | null {
    return this.#choice
  }

  get made(): boolean {
    return this.#element !== null
  }

  get placed(): boolean {
    return this.#element?.isConnected ?? false
  }

  /** Puts a new element in the page, as a server that renders it would. The one before ends first. */
  async mount(choice: Choice): Promise<void> {
    await this.#discard()
    await signIn(choice)
    await customElements.whenDefined('chat-session')
    const element = document.createElement('chat-session')
    const label = document.createElement('code')
    label.textContent = '<chat-session>'
    element.append(label)
    for (const name of eventNames)
      element.addEventListener(name, (event) => {
        this.#diary.note('event', name, summaryOf(event), event.detail)
        this.#changed()
      })
    element.addEventListener('session-token-needed', (event) => {
      this.#diary.note('event', 'session-token-needed', event.reason, { reason: event.reason })
      if (this.#choice?.way === 'nothing') event.respondWith(this.#ask(event))
      this.#changed()
    })
    element.addEventListener('session-notification', (event) => {
      if (this.stopsNotifications) event.preventDefault()
      const { title, options } = event.detail
      this.#notified = { title, body: options.body ?? '', stopped: this.stopsNotifications }
      this.#changed()
    })
    this.thread.follow(element)
    await this.#dress(element, choice)
    this.#element = element
    this.#diary.note('you', 'put the element in the page', `${choice.appId}, ${choice.way}`)
    this.putIn(this.#place)
  }

  async start(): Promise<void> {
    this.#diary.note('you', 'called start()')
    const result = await this.#element?.start()
    if (result?.failed) this.#diary.note('you', 'start() answered', result.error.code, result.error)
  }

  async end(): Promise<void> {
    this.#diary.note('you', 'called end()')
    await this.#element?.end()
  }

  remove(): void {
    this.#diary.note('you', 'removed the element')
    this.#element?.remove()
    this.#changed()
  }

  putBack(): void {
    this.#diary.note('you', 'put the element back')
    this.putIn(this.#place)
  }

  move(): void {
    this.#diary.note('you', 'moved the element')
    this.putIn(1 - this.#place)
  }

  private putIn(place: number): void {
    this.#place = place
    if (this.#element) this.#places[place]?.append(this.#element)
    this.#changed()
  }

  /** Another user logs in on the same page: everything changes in one task, as a framework would do it. */
  async changeUser(): Promise<Choice | null> {
    if (!this.#element || !this.#choice) return null
    const { userId, name } = nextPerson(this.#choice.userId)
    const choice: Choice = { ...this.#choice, userId, profile: { name } }
    this.#diary.note('you', 'changed the user', userId)
    await this.#dress(this.#element, choice)
    this.#changed()
    return choice
  }

  /** A field that is changed on a live session is sent, and restarts nothing. */
  setProfile(profile: Choice['profile']): void {
    if (!this.#element || !this.#choice) return
    this.#choice = { ...this.#choice, profile }
    this.#dressProfile(this.#element, profile)
  }

  async signOut(): Promise<void> {
    if (!this.#choice) return
    await signOut(this.#choice)
    this.#diary.note('you', 'logged out of the source', 'its next answer is null')
  }

  setNotifications(wanted: boolean): void {
    if (!this.#element || !this.#choice) return
    this.#choice = { ...this.#choice, notifications: wanted }
    this.#element.toggleAttribute('notifications', wanted)
  }

  /** Asks the browser for leave, by the button that was just pressed. Answers why there is none. */
  async requestNotifications(): Promise<string | null> {
    try {
      await this.#element?.requestNotifications()
      this.#diary.note('you', 'called requestNotifications()', 'allowed')
      return null
    } catch (error) {
      const { code } = error as SessionError
      this.#diary.note('you', 'requestNotifications() was refused', code, error)
      return code
    }
  }

  async cut(): Promise<void> {
    this.#diary.note('you', 'cut the connection')
    await this.line.cut()
  }

  async setCondition(condition: Condition): Promise<void> {
    this.#diary.note('you', 'changed the line', condition)
    await this.line.set(condition)
  }

  /** Takes the element away for good. */
  async close(): Promise<void> {
    this.#closed.abort()
    await this.#discard()
  }

  async renew(): Promise<void> {
    if (!this.#element || !this.#choice) return
    const token = await fetchToken(this.#choice)
    // Times in tokens are whole seconds: two of one second are the same token, which the element takes as no change.
    const said = !token
      ? 'the source says: signed out'
      : token === this.#element.token
        ? 'the same as before'
        : ''
    this.#diary.note('you', 'set a fresh token', said)
    if (token) this.#element.setAttribute('token', token)
  }

  async answer(signedOut: boolean): Promise<void> {
    const { question } = this
    if (!question || !this.#choice) return
    const token = signedOut ? null : await fetchToken(this.#choice)
    this.#diary.note('you', 'answered', token === null ? 'null: signed out' : 'a token')
    question.answer(token)
  }

  #ask({ reason, signal }: TokenAsk): Promise<string | null> {
    return new Promise((resolve) => {
      const settle = (): void => {
        if (this.#question === question) this.#question = null
        this.#changed()
      }
      const question: Question = {
        reason,
        answer(token) {
          resolve(token)
          settle()
        },
      }
      this.#question = question
      signal.addEventListener('abort', settle, { once: true })
    })
  }

  /** Sets what `choice` says in the place of what the element had, all in one task. */
  async #dress(element: ChatSessionElement, choice: Choice): Promise<void> {
    const credentials = await credentialsFor(choice, this.line.name, async ({ reason, signal }) => {
      const token = await fetchToken(choice, signal)
      this.#diary.note('backend', 'tokenFetcher', `${reason}: ${token ? 'a token' : 'null, signed out'}`)
      return token
    })
    this.#choice = choice
    this.#question = null
    set(element, 'endpoint', this.line.endpoint)
    set(element, 'app-id', choice.appId)
    set(element, 'user-id', choice.userId)
    set(element, 'token', credentials.token)
    set(element, 'token-url', credentials.tokenUrl?.toString())
    set(element, 'signature', credentials.signature)
    element.toggleAttribute('notifications', choice.notifications)
    element.guest = credentials.guest ?? false
    element.tokenFetcher = credentials.tokenFetcher
    element.authParams = credentials.authParams
    this.#dressProfile(element, choice.profile)
  }

  #dressProfile(element: ChatSessionElement, profile: Choice['profile']): void {
    for (const [field, name] of entriesOf<ProfileField, string>(profileAttributes))
      set(element, name, profile[field])
  }

  async #discard(): Promise<void> {
    const element = this.#element
    if (!element) return
    element.remove()
    this.#element = this.#question = null
    // Its lease ends a task after it left; until then a new element for the same user would share its session.
    for (let task = 0; element.session && task < 100; task++)
      await new Promise((resolve) => setTimeout(resolve))
  }

  /** The element asks a token-url without telling anybody, so the browser's own list of requests is looked at. */
  #watchTokenUrl(): void {
    const observer = new PerformanceObserver((list) => {
      if (!this.#choice) return
      const { href } = new URL(tokenUrlOf(this.#choice, this.line.name), location.href)
      for (const { name } of list.getEntries())
        if (name === href) this.#diary.note('backend', 'token-url', 'was asked')
    })
    observer.observe({ type: 'resource' })
    this.#closed.signal.addEventListener('abort', () => observer.disconnect())
  }

  #changed(): void {
    this.dispatchEvent(new Event('change'))
  }
}

const set = (element: Element, name: string, value: string | null | undefined): void => {
  if (value) element.setAttribute(name, value)
  else element.removeAttribute(name)
}
