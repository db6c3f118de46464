import type { ChatSessionElement } from '../element/chat-session.js'
import type { Message, SessionError } from '../session/index.js'
import type { Diary } from './activity-log.js'

/** A message that is on its way, or could not be sent. */
export interface Outgoing {
  key: number
  to: string
  body: string
  /** The newest offset when it was written. */
  after: number
  /** Why it was not sent; null while it is on its way. */
  error: SessionError | null
}

/** How much of the inbox is looked up when a session starts. */
const RECENT = 30

/**
 * What is in the inbox of the user whose element it is told of, and what that user is sending. Tells of every change by
 * `change`.
 */
export class Thread extends EventTarget {
  readonly #diary: Diary
  #element: ChatSessionElement | null = null
  #messages = new Map<number, Message>()
  #outgoing: readonly Outgoing[] = []
  #last = 0

  constructor(diary: Diary) {
    super()
    this.#diary = diary
  }

  /** In the inbox's order. */
  get messages(): readonly Message[] {
    return [...this.#messages.values()].sort((one, other) => one.offset - other.offset)
  }

  /** A copy of what is sent may be in the inbox a moment before the answer to it is there. */
  get outgoing(): readonly Outgoing[] {
    const { messages } = this
    return this.#outgoing.filter(
      ({ to, body, after, error }) =>
        error ?? !messages.some((copy) => copy.offset > after && copy.to === to && copy.body === body),
    )
  }

  /** From now on it is this element's inbox. */
  follow(element: ChatSessionElement): void {
    this.#element = element
    this.#outgoing = []
    this.#forget()
    element.addEventListener('session-message', ({ detail }) => this.#add(element, [detail.message]))
    // Another session may be of another user, or have missed more than is told again.
    element.addEventListener('session-started', () => {
      this.#forget()
      void this.#look(element)
    })
  }

  async send(to: string, body: string): Promise<void> {
    const after = this.messages.at(-1)?.offset ?? 0
    const outgoing: Outgoing = { key: ++this.#last, to, body, after, error: null }
    this.#setOutgoing([...this.#outgoing, outgoing])
    const others = (): Outgoing[] => this.#outgoing.filter(({ key }) => key !== outgoing.key)
    try {
      await this.#element?.send({ to, body })
      this.#setOutgoing(others())
    } catch (error) {
      this.#diary.note('you', 'send() was refused', (error as SessionError).code, error)
      this.#setOutgoing([...others(), { ...outgoing, error: error as SessionError }])
    }
  }

  /** Sends again what could not be sent. */
  async again({ key, to, body }: Outgoing): Promise<void> {
    this.#setOutgoing(this.#outgoing.filter((other) => other.key !== key))
    await this.send(to, body)
  }

  /** Everything that is shown is read. */
  markRead(): void {
    const newest = this.messages.at(-1)
    if (newest) this.#element?.markRead(newest.offset)
    this.#diary.note('you', 'called markRead()', String(newest?.offset ?? ''))
  }

  async #look(element: ChatSessionElement): Promise<void> {
    try {
      this.#add(element, await element.history({ limit: RECENT }))
    } catch (error) {
      this.#diary.note('you', 'history() was refused', (error as SessionError).code, error)
    }
  }

  /** What an element tells that was replaced meanwhile is of no use. */
  #add(element: ChatSessionElement, messages: readonly Message[]): void {
    if (element !== this.#element) return
    for (const message of messages) this.#messages.set(message.offset, message)
    this.#changed()
  }

  #forget(): void {
    this.#messages = new Map()
    this.#changed()
  }

  #setOutgoing(outgoing: readonly Outgoing[]): void {
    this.#outgoing = outgoing
    this.#changed()
  }

  #changed(): void {
    this.dispatchEvent(new Event('change'))
  }
}
