import type { Engine, InboxState, MessageStored, Position, UserRef } from '../../engine/index.js'
import type { Message } from '../../protocol/index.js'
import type { ConnectionHandle } from './connection-handle.js'

/** Messages that are read at once. What doesn't fit the socket is read again: waiting holds none of them. */
const PAGE_SIZE = 64

const EPOCH_CHANGED = 'The inbox is another one now.'
const MESSAGES_LOST = 'Some of what was to come is no longer kept.'

/** Brings a user's messages to one connection: each once, in the order of their offsets. */
export class Delivery {
  readonly #engine: Pick<Engine, 'messagesAfter'>
  readonly #of: UserRef
  readonly #connection: Pick<ConnectionHandle, 'send' | 'end' | 'endOnError' | 'isFull' | 'drained'>
  #state: 'waiting' | 'sending' | 'pulling' | 'stopped' = 'waiting'
  #epoch: string | undefined
  /** Everything up to here was sent. */
  #cursor = 0
  #newest = 0
  #isLossKnown = false
  /** The offset that the client's count of unread messages goes up to, what it counted itself aside. */
  #counted = 0
  /** What is to be told of the read mark. */
  #dueReadMark: InboxState | undefined
  #readMarkCount = 0

  constructor(
    engine: Pick<Engine, 'messagesAfter'>,
    of: UserRef,
    line: Pick<ConnectionHandle, 'send' | 'end' | 'endOnError' | 'isFull' | 'drained'>,
  ) {
    this.#engine = engine
    this.#of = of
    this.#connection = line
  }

  /** A message is in the inbox. Before `begin` it is only remembered that there is one. */
  onMessage({ epoch, message }: Pick<MessageStored, 'epoch' | 'message'>): void {
    if (this.#isStopped()) return
    this.#epoch ??= epoch
    if (epoch !== this.#epoch) return this.#connection.end('unavailable', EPOCH_CHANGED)
    this.#newest = Math.max(this.#newest, message.offset)
    if (this.#state !== 'sending' || message.offset <= this.#cursor) return
    if (message.offset === this.#cursor + 1 && !this.#connection.isFull()) this.#send(message)
    else this.#connection.endOnError(this.#pull(epoch))
  }

  /** Sends what comes after `position`. `newest` is the inbox's newest offset, `lost` whether the client knows of a gap. */
  begin({ epoch, offset }: Position, newest: number, lost: boolean): void {
    if (this.#isStopped()) return
    this.#epoch ??= epoch
    if (epoch !== this.#epoch) return this.#connection.end('unavailable', EPOCH_CHANGED)
    this.#state = 'sending'
    this.#cursor = offset
    this.#newest = Math.max(this.#newest, newest)
    this.#counted = newest
    this.#isLossKnown = lost
    if (this.#cursor < this.#newest) this.#connection.endOnError(this.#pull(epoch))
  }

  /** How many times there was something to tell of the read mark. */
  get readMarkCount(): number {
    return this.#readMarkCount
  }

  /**
   * Tells where the read mark is and how many are unread, when all that was counted is sent: a client counts on with each
   * message. False when the client knows of more than was counted.
   */
  sendReadMark(inbox: InboxState): boolean {
    if (inbox.offset < Math.max(this.#counted, this.#cursor)) return this.#isStopped()
    this.#dueReadMark = inbox
    this.#readMarkCount++
    this.#sendDueReadMark()
    return true
  }

  stop(): void {
    this.#state = 'stopped'
  }

  /** A function, since it may have been stopped during each wait. */
  #isStopped(): boolean {
    return this.#state === 'stopped'
  }

  #send(message: Message): void {
    this.#connection.send({ type: 'message', ...message })
    this.#isLossKnown = false
    this.#advanceTo(message.offset)
  }

  #advanceTo(offset: number): void {
    this.#cursor = offset
    this.#sendDueReadMark()
  }

  #sendDueReadMark(): void {
    if (!this.#dueReadMark || this.#cursor < this.#dueReadMark.offset) return
    const { offset, unread, readOffset } = this.#dueReadMark
    this.#dueReadMark = undefined
    this.#counted = offset
    this.#connection.send({ type: 'unread', unread, readOffset })
  }

  async #pull(epoch: string): Promise<void> {
    this.#state = 'pulling'
    try {
      while (this.#cursor < this.#newest && !this.#isStopped()) {
        await this.#connection.drained()
        if (!this.#isStopped()) await this.#readPage({ epoch, offset: this.#cursor })
      }
    } finally {
      if (!this.#isStopped()) this.#state = 'sending'
    }
  }

  async #readPage(position: Position): Promise<void> {
    const known = this.#newest
    const { messages, lost } = await this.#engine.messagesAfter(this.#of, position, PAGE_SIZE)
    if (this.#isStopped()) return
    // Whoever comes again is told in `started` that something is lost.
    if (lost && !this.#isLossKnown) return this.#connection.end('unavailable', MESSAGES_LOST)
    if (messages.length === 0) this.#advanceTo(Math.max(this.#cursor, known))
    for (const message of messages) {
      if (this.#connection.isFull()) return
      this.#send(message)
    }
  }
}
