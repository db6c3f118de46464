import type { ChatSessionElement } from '../../../element/chat-session.js'
import type { Message, SessionError } from '../../../session/index.js'
import type { ActivityLog } from '../activity-log.js'

/** A message that is being sent, or could not be. */
export interface OutgoingMessage {
  key: number
  to: string
  body: string
  /** The newest offset of the inbox at the time when the message was written. */
  after: number
  /** Why the message could not be sent; null while it is being sent. */
  error: SessionError | null
}

/** How many messages of the inbox are loaded when a session starts. */
const HISTORY_LIMIT = 30

/** Milliseconds for which a signal shows that somebody types, and after which the next key sends another signal. */
const TYPING_TTL = 5_000
const TYPING_INTERVAL = 3_000

/** The messages of the element's inbox, and those that its user is sending. Emits `change`. */
export class Thread extends EventTarget {
  readonly #log: ActivityLog
  #element: ChatSessionElement | null = null
  #messages = new Map<number, Message>()
  #outgoing: readonly OutgoingMessage[] = []
  #lastKey = 0
  #watched: readonly string[] = []
  readonly #online = new Map<string, boolean>()
  readonly #typingUntil = new Map<string | null, number>()
  /** The next signal is sent after this time. */
  #nextSignal = 0

  constructor(log: ActivityLog) {
    super()
    this.#log = log
  }

  /** The messages in the order of the inbox. */
  get messages(): readonly Message[] {
    return [...this.#messages.values()].sort((one, other) => one.offset - other.offset)
  }

  /** Leaves out a message whose copy is in the inbox already: the copy can arrive before the result of `send()`. */
  get outgoing(): readonly OutgoingMessage[] {
    const { messages } = this
    return this.#outgoing.filter(
      ({ to, body, after, error }) =>
        error ?? !messages.some((copy) => copy.offset > after && copy.to === to && copy.body === body),
    )
  }

  /** Returns a line about another user. The gateway reports the presence only of users who have written to this one. */
  contact(id: string): string {
    if ((this.#typingUntil.get(id) ?? 0) > Date.now()) return 'types…'
    return this.#element?.state === 'active' && this.#online.get(id) ? 'online' : ''
  }

  /** Watches these users from now on. */
  watch(ids: readonly string[]): void {
    this.#watched = ids
    if (this.#element?.state === 'active') this.#watch(this.#element)
  }

  /** Sends a signal to another user that this one types, every few seconds. */
  type(to: string): void {
    if (Date.now() < this.#nextSignal) return
    this.#nextSignal = Date.now() + TYPING_INTERVAL
    void this.#element?.signal(to, 'typing', { ttl: TYPING_TTL })
  }

  #watch(element: ChatSessionElement): void {
    element.watch(this.#watched).catch((error: unknown) => {
      this.#log.add('you', 'watch() was refused', (error as SessionError).code, error)
    })
  }

  /** Shows this element's inbox from now on. */
  follow(element: ChatSessionElement): void {
    this.#element = element
    this.#outgoing = []
    this.#messages.clear()
    element.addEventListener('session-message', ({ detail }) => this.#add(element, [detail.message]))
    element.addEventListener('session-started', () => {
      // A new session may belong to another user, or may have missed more messages than the gateway sends again.
      this.#messages.clear()
      this.#online.clear()
      void this.#load(element)
      this.#watch(element)
    })
    element.addEventListener('session-presence', ({ detail }) => {
      for (const { id, online } of detail.users) this.#online.set(id, online)
      this.#changed()
    })
    element.addEventListener('session-signal', ({ detail: { signal } }) => {
      if (signal.name !== 'typing') return
      this.#typingUntil.set(signal.from, signal.until)
      setTimeout(() => this.#changed(), Math.max(0, signal.until - Date.now()) + 1)
      this.#changed()
    })
  }

  async send(to: string, body: string): Promise<void> {
    this.#nextSignal = 0
    const after = this.messages.at(-1)?.offset ?? 0
    const message: OutgoingMessage = { key: ++this.#lastKey, to, body, after, error: null }
    this.#setOutgoing([...this.#outgoing, message])
    const others = (): OutgoingMessage[] => this.#outgoing.filter(({ key }) => key !== message.key)
    try {
      await this.#element?.send({ to, body })
      this.#setOutgoing(others())
    } catch (error) {
      this.#log.add('you', 'send() was refused', (error as SessionError).code, error)
      this.#setOutgoing([...others(), { ...message, error: error as SessionError }])
    }
  }

  async resend({ key, to, body }: OutgoingMessage): Promise<void> {
    this.#setOutgoing(this.#outgoing.filter((other) => other.key !== key))
    await this.send(to, body)
  }

  /** Marks all messages that are shown as read. */
  async markRead(): Promise<void> {
    const newest = this.messages.at(-1)
    this.#log.add('you', 'called markRead()', String(newest?.offset ?? ''))
    try {
      if (newest) await this.#element?.markRead(newest.offset)
    } catch (error) {
      this.#log.add('you', 'markRead() was refused', (error as SessionError).code, error)
    }
  }

  async #load(element: ChatSessionElement): Promise<void> {
    try {
      this.#add(element, await element.history({ limit: HISTORY_LIMIT }))
    } catch (error) {
      this.#log.add('you', 'history() was refused', (error as SessionError).code, error)
    }
  }

  /** Ignores the messages of an element that was replaced meanwhile. */
  #add(element: ChatSessionElement, messages: readonly Message[]): void {
    if (element !== this.#element) return
    for (const message of messages) this.#messages.set(message.offset, message)
    this.#changed()
  }

  #setOutgoing(outgoing: readonly OutgoingMessage[]): void {
    this.#outgoing = outgoing
    this.#changed()
  }

  #changed(): void {
    this.dispatchEvent(new Event('change'))
  }
}
