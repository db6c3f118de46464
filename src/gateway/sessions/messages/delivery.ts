import type { Engine, InboxState, MessageStored, PeerState, UserRef } from '../../../engine/index.js'
import type { Message } from '../../../protocol/index.js'
import type { MessageTurns } from '../../messages/message-turns.js'
import type { Metrics } from '../../metrics/metrics.js'
import type { ConnectionHandle } from '../connection-handle.js'
import { engineRetryAfter } from '../engine-retry.js'
import { ReadMarks, type MarkedPeer } from './read-marks.js'

/** Messages are read from the engine in pages: how many messages the first page has, and how many a page has at most. */
const FIRST_PAGE = 16
const MAX_PAGE = 128
/** About how many bytes of a page may wait in memory while the client reads slowly. */
const MAX_PAGE_BYTES = 131_072
/** About how many bytes of pages may wait for all slow clients of the process together. Beyond it a page is dropped, and read again later. */
const MAX_WAITING_BYTES = 32 * 1_048_576
/** How many read marks may wait for a client. They come from all pages of the user, and each has another peer. */
const MAX_READ_MARKS = 1_000
/** About how many bytes a message takes besides its body and data. */
const MESSAGE_OVERHEAD = 200

const sizeOf = ({ body, data }: Message): number =>
  MESSAGE_OVERHEAD + (body?.length ?? 0) + (data ? JSON.stringify(data).length : 0)

const EPOCH_CHANGED = "The inbox has a new 'epoch': reconnect, and 'started' has it."
const MESSAGES_LOST =
  "Retention deleted messages before they were sent: reconnect, and 'started' reports the loss."
const TOO_MANY_MARKS =
  'The client reads too slowly, and too many read marks wait for it: reconnect, and `started` has the new count.'

type DeliveryConnection = Pick<
  ConnectionHandle,
  'send' | 'sendText' | 'end' | 'endOnError' | 'isFull' | 'drained'
>

type DeliveryMetrics = Pick<Metrics, 'deliverySeconds' | 'replayed'>

/** A message that waits for a slow client. It waits as JSON, because parsed data may take 20 times as much memory. */
interface WaitingMessage {
  readonly offset: number
  readonly json: string
}

interface Replay {
  /**
   * Messages that were read from the engine and not sent yet. Each is read once, however often the socket is full, unless too much waits
   * for all clients.
   */
  page: readonly (Message | WaitingMessage)[]
  /** How many bytes of `page` count in `waitingBytes`. */
  counted: number
  /** How many messages the next read asks for. */
  pageSize: number
  /** About how many bytes the latest page had. */
  pageBytes: number
}

/** How many bytes of pages wait for all slow clients. All gateways of the process share this number, because they share the memory. */
let waitingBytes = 0

/** Keeps the messages that the client has no room for, after it had room for `sent` others. If too much waits for all clients, keeps none. */
const keepPage = (replay: Replay, page: readonly WaitingMessage[], sent: number): void => {
  const bytes = page.reduce((sum, { json }) => sum + json.length, 0)
  waitingBytes -= replay.counted
  const isKept = waitingBytes + bytes <= MAX_WAITING_BYTES
  replay.page = isKept ? page : []
  replay.counted = isKept ? bytes : 0
  waitingBytes += replay.counted
  // The next page has about as many messages as the client takes at once.
  if (!isKept) replay.pageSize = Math.max(1, sent)
}

/** Returns the messages that may wait in memory, and computes the size of the next page from their size. */
const takePage = (replay: Replay, messages: Message[]): Message[] => {
  let bytes = 0
  const end = messages.findIndex((message) => (bytes += sizeOf(message)) > MAX_PAGE_BYTES)
  replay.pageBytes = bytes
  if (end < 0) {
    if (bytes < MAX_PAGE_BYTES / 2) replay.pageSize = Math.min(MAX_PAGE, 2 * replay.pageSize)
    return messages
  }
  replay.pageSize = Math.max(1, end)
  return messages.slice(0, replay.pageSize)
}

const waitingOf = (message: Message | WaitingMessage): WaitingMessage =>
  'json' in message ? message : { offset: message.offset, json: JSON.stringify(message) }

/**
 * The JSON of the latest message, and its `message` frame. All sessions of a user get the same string, so that `textFrame` in
 * transports/frames makes only one WebSocket frame. Without this, sending a message to each further session of the user took 7% longer.
 */
let latest = { json: '', frame: '' }

const frameOf = (json: string): string => {
  if (json !== latest.json) latest = { json, frame: `{"type":"message",${json.slice(1)}` }
  return latest.frame
}

interface DeliveryContext {
  engine: Pick<Engine, 'messagesAfter'>
  metrics: DeliveryMetrics
  messageTurns: MessageTurns
}

/** Sends a user's messages to one connection: each once, in the order of their offsets. */
export class Delivery {
  readonly #context: DeliveryContext
  readonly #session: { readonly user: UserRef }
  readonly #connection: DeliveryConnection
  #state: 'waiting' | 'sending' | 'pulling' | 'stopped' = 'waiting'
  #epoch: string | undefined
  /** The offset up to which everything was sent. */
  #cursor = 0
  #newest = 0
  /** Created when the first messages are read from the engine. Most sessions never replay a message. */
  #replay: Replay | undefined
  /** Whether `started` has reported a loss and no message was sent since then. */
  #isLossKnown = false
  /** The latest count, of `started` or of a read mark, even if its `unread` is not sent yet: the offset that it covers, and what it says. */
  #countedUpTo = 0
  #unread = 0
  #readOffset = 0
  /** The read marks that are sent to the client as `unread`. Created for the first mark. */
  #readMarks: ReadMarks | undefined

  constructor(context: DeliveryContext, session: { readonly user: UserRef }, connection: DeliveryConnection) {
    this.#context = context
    this.#session = session
    this.#connection = connection
  }

  /** The offset up to which everything was sent. */
  get sent(): number {
    return this.#cursor
  }

  /** The inbox's newest offset. */
  get newest(): number {
    return this.#newest
  }

  /** How many read marks wait until the messages that they count are sent. */
  get waitingReadMarks(): number {
    return this.#readMarks?.size ?? 0
  }

  /** Sends a message that is now in the inbox. Before `begin` it only notes the message's offset. */
  onMessage({ epoch, message, json }: Pick<MessageStored, 'epoch' | 'message' | 'json'>): void {
    if (this.#isStopped()) return
    this.#epoch ??= epoch
    if (epoch !== this.#epoch) return this.#endForEpoch()
    this.#newest = Math.max(this.#newest, message.offset)
    if (this.#state !== 'sending' || message.offset <= this.#cursor) return
    if (message.offset === this.#cursor + 1 && !this.#connection.isFull()) {
      this.#send(message, json)
      // If another gateway's clock is ahead, the difference is negative.
      this.#context.metrics.deliverySeconds.observe(Math.max(0, Date.now() - message.sentAt) / 1_000)
    } else this.#connection.endOnError(this.#pull(epoch))
  }

  /** Ends the connection if the inbox has another epoch by now, and so numbers its messages anew. */
  onEpoch(epoch: string): void {
    if (this.#isStopped()) return
    this.#epoch ??= epoch
    if (epoch !== this.#epoch) this.#endForEpoch()
  }

  /** Sends the messages after an offset. `inbox` is what `started` says, and `lost` whether the client knows of a loss. */
  begin(after: number, inbox: InboxState, lost: boolean): void {
    const { epoch, offset } = inbox
    if (this.#isStopped()) return
    this.#epoch ??= epoch
    if (epoch !== this.#epoch) return this.#endForEpoch()
    this.#state = 'sending'
    this.#cursor = after
    this.#newest = Math.max(this.#newest, offset)
    this.#counted(inbox)
    this.#isLossKnown = lost
    if (this.#cursor < this.#newest) this.#connection.endOnError(this.#pull(epoch))
  }

  /**
   * Resolves with the result of `work`, and with whether `sendReadMark` has meanwhile accepted a mark of this peer. If `peer` is undefined,
   * the mark is that of the whole inbox.
   */
  whetherPassedOn<T>(peer: MarkedPeer, work: () => Promise<T>): Promise<[result: T, isPassedOn: boolean]> {
    this.#readMarks ??= new ReadMarks()
    return this.#readMarks.whetherAdded(peer, work)
  }

  /**
   * Sends `unread` once every message that it counts is sent, because the client adds each message that comes after `unread` to the count.
   * Returns false if the connection is open and the count is out of date: it leaves out messages that the client has received, or marks that
   * an earlier call has counted.
   */
  sendReadMark(inbox: InboxState, peer?: PeerState): boolean {
    if (inbox.offset < this.#cursor || this.#isBefore(inbox)) return this.#isStopped()
    this.#counted(inbox)
    this.#readMarks ??= new ReadMarks()
    this.#readMarks.add({ inbox, peer })
    this.#sendDueReadMarks()
    if (this.#readMarks.size > MAX_READ_MARKS) this.#connection.end('unavailable', TOO_MANY_MARKS)
    return true
  }

  stop(): void {
    this.#state = 'stopped'
    if (this.#replay) keepPage(this.#replay, [], 0)
  }

  /**
   * Called when the inbox has another epoch, usually because Redis has a new master or was restarted. Tells the client to come back when
   * all gateways have found the master. A gateway that still uses an old master could give the session a resume key that the new master
   * does not have.
   */
  #endForEpoch(): void {
    this.#connection.end('unavailable', EPOCH_CHANGED, engineRetryAfter())
  }

  #counted({ offset, unread, readOffset }: InboxState): void {
    this.#countedUpTo = offset
    this.#unread = unread
    this.#readOffset = readOffset
  }

  /**
   * Whether a count was made before the latest one. On Redis the events of two gateways, and the engine's answers, come in any order. Until
   * the next message the count only falls, and the read mark never goes back.
   */
  #isBefore({ offset, unread, readOffset }: InboxState): boolean {
    if (offset !== this.#countedUpTo) return offset < this.#countedUpTo
    return unread > this.#unread || readOffset < this.#readOffset
  }

  /** This is a function, because after an `await` the compiler would still assume the state from before. */
  #isStopped(): boolean {
    return this.#state === 'stopped'
  }

  #send(message: Message | WaitingMessage, json?: string): void {
    if (json !== undefined) this.#connection.sendText(frameOf(json))
    else if ('json' in message) this.#connection.sendText(frameOf(message.json))
    else this.#connection.send({ type: 'message', ...message })
    this.#isLossKnown = false
    this.#advanceTo(message.offset)
  }

  #advanceTo(offset: number): void {
    this.#cursor = offset
    this.#sendDueReadMarks()
  }

  #sendDueReadMarks(): void {
    for (let mark; (mark = this.#readMarks?.take(this.#cursor));) {
      const { inbox, peer } = mark
      const { unread, readOffset } = inbox
      const withPeer = peer && { with: peer.id, unreadWith: peer.unread, readOffsetWith: peer.readOffset }
      this.#connection.send({ type: 'unread', unread, readOffset, ...withPeer })
    }
  }

  async #pull(epoch: string): Promise<void> {
    this.#state = 'pulling'
    const replay = (this.#replay ??= { page: [], counted: 0, pageSize: FIRST_PAGE, pageBytes: 0 })
    try {
      while (this.#cursor < this.#newest && !this.#isStopped()) {
        await this.#connection.drained()
        if (replay.page.length === 0) await this.#readPage(replay, epoch)
        if (this.#isStopped()) return
        // Reads of many sessions may end in one turn of the event loop, and many sockets may be drained in one. So each page waits here.
        await this.#context.messageTurns.wait(this.#session.user, replay.page.length, replay.pageBytes)
        this.#sendPage(replay)
      }
    } finally {
      if (!this.#isStopped()) this.#state = 'sending'
    }
  }

  async #readPage(replay: Replay, epoch: string): Promise<void> {
    const wanted = Math.min(replay.pageSize, this.#newest - this.#cursor)
    await this.#context.messageTurns.wait(this.#session.user, wanted, replay.pageBytes)
    if (this.#isStopped()) return
    const newestBefore = this.#newest
    const { messages, lost } = await this.#context.engine.messagesAfter(
      this.#session.user,
      { epoch, offset: this.#cursor },
      replay.pageSize,
    )
    if (this.#isStopped()) return
    // Retention deleted messages before they were sent here. The close makes the client reconnect, and its next `started` says `lost:
    // true`.
    if (lost && !this.#isLossKnown) return this.#connection.end('unavailable', MESSAGES_LOST)
    if (messages.length === 0) this.#advanceTo(Math.max(this.#cursor, newestBefore))
    replay.page = takePage(replay, messages)
    // The page may have messages whose events have not come yet. If the socket is full, such messages wait in the page. Without this line
    // `#pull` could end before it has sent them. Then their events would send them, and the next `#pull` would send them a second time.
    this.#newest = Math.max(this.#newest, replay.page.at(-1)?.offset ?? 0)
  }

  #sendPage(replay: Replay): void {
    let sent = 0
    for (const message of replay.page) {
      if (this.#isStopped() || this.#connection.isFull()) break
      this.#send(message)
      sent++
    }
    keepPage(replay, replay.page.slice(sent).map(waitingOf), sent)
    if (sent > 0) this.#context.metrics.replayed.inc({ app: this.#session.user.appId }, sent)
  }
}
