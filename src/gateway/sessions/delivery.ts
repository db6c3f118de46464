import type { Engine, InboxState, MessageStored, Position, UserRef } from '../../engine/index.js'
import type { Message } from '../../protocol/index.js'
import type { ConnectionHandle } from './connection-handle.js'

/** Messages that are read at once. What doesn't fit the socket is read again: waiting holds none of them. */
const PAGE = 64

const EPOCH_CHANGED = 'The inbox is another one now.'
const OVERTAKEN = 'Some of what was to come is no longer kept.'

/** Brings a user's messages to one connection: each once, in the order of their offsets. */
export class Delivery {
  readonly #engine: Pick<Engine, 'messagesAfter'>
  readonly #of: UserRef
  readonly #line: Pick<ConnectionHandle, 'send' | 'end' | 'attempt' | 'isFull' | 'drained'>
  #state: 'waiting' | 'sending' | 'pulling' | 'stopped' = 'waiting'
  #epoch: string | undefined
  /** Everything up to here was sent. */
  #cursor = 0
  #newest = 0
  #isGapKnown = false
  /** The offset that the client's count of unread messages goes up to, what it counted itself aside. */
  #counted = 0
  /** What is to be told of the read mark. */
  #mark: InboxState | undefined
  #marks = 0

  constructor(
    engine: Pick<Engine, 'messagesAfter'>,
    of: UserRef,
    line: Pick<ConnectionHandle, 'send' | 'end' | 'attempt' | 'isFull' | 'drained'>,
  ) {
    this.#engine = engine
    this.#of = of
    this.#line = line
  }

  /** A message is in the inbox. Before `begin` it is only remembered that there is one. */
  heard({ epoch, message }: Pick<MessageStored, 'epoch' | 'message'>): void {
    if (this.#isStopped()) return
    this.#epoch ??= epoch
    if (epoch !== this.#epoch) return this.#line.end('unavailable', EPOCH_CHANGED)
    this.#newest = Math.max(this.#newest, message.offset)
    if (this.#state !== 'sending' || message.offset <= this.#cursor) return
    if (message.offset === this.#cursor + 1 && !this.#line.isFull()) this.#deliver(message)
    else this.#line.attempt(this.#pull(epoch))
  }

  /** Sends what comes after `position`. `newest` is the inbox's newest offset, `lost` whether the client knows of a gap. */
  begin({ epoch, offset }: Position, newest: number, lost: boolean): void {
    if (this.#isStopped()) return
    this.#epoch ??= epoch
    if (epoch !== this.#epoch) return this.#line.end('unavailable', EPOCH_CHANGED)
    this.#state = 'sending'
    this.#cursor = offset
    this.#newest = Math.max(this.#newest, newest)
    this.#counted = newest
    this.#isGapKnown = lost
    if (this.#cursor < this.#newest) this.#line.attempt(this.#pull(epoch))
  }

  /** How many times there was something to tell of the read mark. */
  get marks(): number {
    return this.#marks
  }

  /**
   * Tells where the read mark is and how many are unread, when all that was counted is sent: a client counts on with each
   * message. False when the client knows of more than was counted.
   */
  tellRead(inbox: InboxState): boolean {
    if (inbox.offset < Math.max(this.#counted, this.#cursor)) return this.#isStopped()
    this.#mark = inbox
    this.#marks++
    this.#tellMark()
    return true
  }

  stop(): void {
    this.#state = 'stopped'
  }

  /** A function, since it may have been stopped during each wait. */
  #isStopped(): boolean {
    return this.#state === 'stopped'
  }

  #deliver(message: Message): void {
    this.#line.send({ type: 'message', ...message })
    this.#isGapKnown = false
    this.#sentUpTo(message.offset)
  }

  #sentUpTo(offset: number): void {
    this.#cursor = offset
    this.#tellMark()
  }

  #tellMark(): void {
    if (!this.#mark || this.#cursor < this.#mark.offset) return
    const { offset, unread, readOffset } = this.#mark
    this.#mark = undefined
    this.#counted = offset
    this.#line.send({ type: 'unread', unread, readOffset })
  }

  async #pull(epoch: string): Promise<void> {
    this.#state = 'pulling'
    try {
      while (this.#cursor < this.#newest && !this.#isStopped()) {
        await this.#line.drained()
        if (!this.#isStopped()) await this.#readPage({ epoch, offset: this.#cursor })
      }
    } finally {
      if (!this.#isStopped()) this.#state = 'sending'
    }
  }

  async #readPage(position: Position): Promise<void> {
    const known = this.#newest
    const { messages, lost } = await this.#engine.messagesAfter(this.#of, position, PAGE)
    if (this.#isStopped()) return
    // Whoever comes again is told in `started` that something is lost.
    if (lost && !this.#isGapKnown) return this.#line.end('unavailable', OVERTAKEN)
    if (messages.length === 0) this.#sentUpTo(Math.max(this.#cursor, known))
    for (const message of messages) {
      if (this.#line.isFull()) return
      this.#deliver(message)
    }
  }
}
