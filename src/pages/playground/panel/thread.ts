import type { ChatSessionElement } from '../../../element/chat-session.js'
import type { Message, Peer, SessionError } from '../../../session/index.js'
import type { ActivityLog } from '../activity-log.js'

/** A message that is being sent, or could not be. */
export interface OutgoingMessage {
  id: string
  to: string
  body: string
  /** Null while it is being sent. */
  error: SessionError | null
}

/** Milliseconds after which the next keystroke sends another signal. Each signal holds for five seconds. */
const TYPING_INTERVAL = 3_000

/** The conversations of the element's user, the messages of one conversation, and the messages that the user is sending. */
export class Thread {
  /** The user's peers, the one with the newest message first. */
  peers: readonly Peer[] = []
  /** The peer whose conversation is shown: the chosen one, or else the one with the newest message; undefined while there is no peer. */
  shown: Peer['id'] | undefined
  readonly #log: ActivityLog
  #element: ChatSessionElement | null = null
  #chosen: Peer['id'] | undefined
  #messages = new Map<number, Message>()
  #outgoing: readonly OutgoingMessage[] = []
  /** The latest call of `peers()`, and whether this call waits for the call before. */
  #load = Promise.resolve()
  #isWaiting = false
  readonly #online = new Map<string | null, boolean>()
  readonly #typingUntil = new Map<string | null, number>()
  #nextSignalAt = 0
  readonly #changed: () => void

  constructor(log: ActivityLog, changed: () => void) {
    this.#log = log
    this.#changed = changed
  }

  get messages(): readonly Message[] {
    return [...this.#messages.values()].sort((one, other) => one.offset - other.offset)
  }

  /** Leaves out a message whose copy is in the inbox already: the copy can arrive before the result of `send()`. */
  outgoingTo(peer: Peer['id'] | undefined): readonly OutgoingMessage[] {
    const stored = new Set(this.messages.map(({ id }) => id))
    return this.#outgoing.filter(({ id, to, error }) => to === peer && (error ?? !stored.has(id)))
  }

  /** Returns a word that says whether another user types or is online; empty if the gateway has told neither. */
  contact(id: Peer['id']): string {
    if ((this.#typingUntil.get(id) ?? 0) > Date.now()) return 'is typing…'
    return this.#element?.state === 'active' && this.#online.get(id) ? 'online' : ''
  }

  /** Shows the conversation with a user from now on, whoever writes. */
  choose(id: Peer['id']): void {
    this.#chosen = id
    this.#show(id)
  }

  /** Tells another user by a signal, every few seconds, that this user types. */
  type(to: string): void {
    this.choose(to)
    if (Date.now() < this.#nextSignalAt) return
    this.#nextSignalAt = Date.now() + TYPING_INTERVAL
    void this.#element?.signal(to, 'typing')
  }

  /** Shows this element's inbox from now on. */
  follow(element: ChatSessionElement): void {
    this.#element = element
    this.#outgoing = []
    element.addEventListener('session-message', ({ detail: { message } }) => {
      const isOwn = message.from === element.session?.user?.id
      if ((isOwn ? message.to : message.from) === this.shown) this.#add([message])
      this.#loadPeers(element)
    })
    // This event also says that a conversation was read, in this page or in another page of the user.
    element.addEventListener('session-unread', () => this.#loadPeers(element))
    element.addEventListener('session-started', ({ detail: { user } }) => {
      // The session may be another user's, or may have missed more than the gateway sends again. So all is loaded anew.
      if (user.id === this.#chosen) this.#chosen = undefined
      this.#online.clear()
      this.peers = []
      this.shown = undefined
      this.#show(this.#chosen)
      this.#loadPeers(element)
    })
    element.addEventListener('session-presence', ({ detail }) => {
      for (const { id, online } of detail.users) this.#online.set(id, online)
      this.#changed()
    })
    element.addEventListener('session-signal', ({ detail: { signal } }) => {
      if (signal.name !== 'typing') return
      this.#typingUntil.set(signal.from, signal.until)
      setTimeout(this.#changed, Math.max(0, signal.until - Date.now()) + 1)
      this.#changed()
    })
  }

  async send(to: string, body: string, id = crypto.randomUUID() as string): Promise<void> {
    this.choose(to)
    this.#nextSignalAt = 0
    const show = (...messages: OutgoingMessage[]): void => {
      this.#outgoing = [...this.#outgoing.filter((other) => other.id !== id), ...messages]
      this.#changed()
    }
    const message: OutgoingMessage = { id, to, body, error: null }
    show(message)
    try {
      await this.#element?.send({ id, to, body })
      show()
    } catch (error) {
      this.#log.add('you', 'send() was refused', (error as SessionError).code, error)
      show({ ...message, error: error as SessionError })
    }
  }

  /** Marks the messages of the shown conversation as read, and no others. */
  async markRead(): Promise<void> {
    const newest = this.messages.at(-1)
    if (!newest || !this.#element) return
    this.#log.add('you', 'called markRead()', `${newest.offset}, with ${this.shown}`)
    await this.#try('markRead()', this.#element.markRead(newest.offset, { with: this.shown }))
  }

  /**
   * Resolves with the answer to a call, or with undefined if it is refused. The code `ended` is not logged here, because the log has the
   * end of the session already.
   */
  #try<T>(name: string, call: Promise<T>): Promise<T | undefined> {
    return call.catch((error: unknown): undefined => {
      const { code } = error as SessionError
      if (code !== 'ended') this.#log.add('you', `${name} was refused`, code, error)
    })
  }

  /** Asks for the peers. If a call runs already, one more call follows it. */
  #loadPeers(element: ChatSessionElement): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#load = this.#load.then(async () => {
      this.#isWaiting = false
      const page = await this.#try('peers()', element.peers())
      if (!page || element !== this.#element) return
      this.peers = page.peers
      if (this.#chosen === undefined) this.#show(page.peers[0]?.id)
      this.#changed()
      const users = page.peers.flatMap(({ id }) => id ?? [])
      if (users.some((id) => !this.#online.has(id))) void this.#try('watch()', element.watch(users))
    })
  }

  #show(id: Peer['id'] | undefined): void {
    if (id === this.shown) return
    this.shown = id
    this.#messages.clear()
    this.#changed()
    if (id === undefined || !this.#element) return
    const call = this.#element.history({ with: id })
    void this.#try('history()', call).then((messages) => id === this.shown && this.#add(messages ?? []))
  }

  #add(messages: readonly Message[]): void {
    for (const message of messages) this.#messages.set(message.offset, message)
    this.#changed()
  }
}
