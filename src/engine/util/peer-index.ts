import { directions, type Direction, type Received } from '../decide/messages/inbox.js'

/** A peer with kept messages. */
interface IndexedPeer {
  readonly id: string | null
  readonly number: number
  /** How many messages with the peer are kept. */
  kept: number
  /**
   * The offset of the newest message from or to the peer (`newest`), from the peer (`received`), and to the peer (`sent`). 0 if there is
   * none.
   */
  newest: number
  received: number
  sent: number
}

const MIN_CAPACITY = 16
/** About how many bytes an index without peers takes, with its entry in a cache. */
const INDEX_BYTES = 1_000
/** Returns about how many bytes a peer takes. A character of the id takes one or two. */
const bytesOf = (id: string | null): number => 128 + 2 * (id?.length ?? 0)

/**
 * An index of an inbox's kept messages by peer, which takes at least 4 bytes for each message. The caller makes the index when a call asks
 * for peers, and adds newer messages before each use. So a send does not wait for the index.
 */
export class PeerIndex {
  readonly #owner: string
  readonly #peers = new Map<string | null, IndexedPeer>()
  /** The peers by number. */
  readonly #numbered: (IndexedPeer | undefined)[] = [undefined]
  readonly #freeNumbers: number[] = []
  #peerBytes = 0
  /**
   * For each offset from `#first` on: twice the peer's number, plus 1 if the message was received. 0 if there is no message.
   */
  #codes = new Int32Array(MIN_CAPACITY)
  /** The index in `#codes` of the code for offset `#first`. */
  #start = 0
  #first = 1
  #last = 0

  /** `owner` is the id of the inbox's user. */
  constructor(owner: string) {
    this.#owner = owner
  }

  /** The offset up to which messages were added. */
  get last(): number {
    return this.#last
  }

  /** The oldest offset that is not forgotten. */
  get first(): number {
    return this.#first
  }

  /** About how many bytes of memory the index takes. */
  get bytes(): number {
    return INDEX_BYTES + this.#codes.byteLength + this.#peerBytes
  }

  /** Adds a message. It must be newer than all messages that were added before. */
  add(offset: number, id: string | null, direction: Direction): void {
    this.cover(offset)
    const peer = this.#peers.get(id) ?? this.#create(id)
    peer.kept++
    peer.newest = offset
    const isSent = direction === directions.sent
    if (isSent) peer.sent = offset
    // A message to oneself is both sent and received.
    if (!isSent || id === this.#owner) peer.received = offset
    this.#codes[this.#start + offset - this.#first] =
      2 * peer.number + (direction === directions.received ? 1 : 0)
  }

  /** Notes that the messages up to `offset` were added, or are about to be. */
  cover(offset: number): void {
    if (offset <= this.#last) return
    this.#reserve(offset)
    this.#last = offset
  }

  /** Forgets the messages before `first`. */
  forgetBefore(first: number): void {
    const end = Math.min(first, this.#last + 1)
    for (; this.#first < end; this.#first++) this.#forget(this.#codes[this.#start++] ?? 0)
    if (first <= this.#last) return
    this.#first = first
    this.#last = first - 1
    this.#start = 0
  }

  get(id: string | null): Readonly<IndexedPeer> | undefined {
    return this.#peers.get(id)
  }

  exchange(id: string | null): { received: boolean; sent: boolean } {
    const { received = 0, sent = 0 } = this.#peers.get(id) ?? {}
    return { received: received >= this.#first, sent: sent >= this.#first }
  }

  /** Returns the peers whose newest message is before an offset, the one with the newest first. */
  newestBefore(before: number, limit: number): Readonly<IndexedPeer>[] {
    const found: IndexedPeer[] = []
    let count = 0
    for (const { newest } of this.#peers.values()) if (newest < before) count++
    count = Math.min(count, limit)
    for (let offset = Math.min(before - 1, this.#last); found.length < count; offset--) {
      const peer = this.#peerAt(offset)
      if (peer?.newest === offset) found.push(peer)
    }
    return found
  }

  /**
   * Returns the offsets of a page of messages with a peer. `next` is the offset from which the next page continues; null after the last
   * page.
   */
  pageOf(
    id: string | null,
    range: { after: number } | { before: number | null },
    limit: number,
  ): { offsets: number[]; next: number | null } {
    const isBackwards = 'before' in range
    const [from, to] = isBackwards ? [1, (range.before ?? Infinity) - 1] : [range.after + 1, Infinity]
    const offsets = this.#offsetsOf(id, from, to, limit + 1, isBackwards)
    if (offsets.length <= limit) return { offsets, next: null }
    if (isBackwards) offsets.shift()
    else offsets.pop()
    return { offsets, next: (isBackwards ? offsets[0] : offsets.at(-1)) ?? null }
  }

  /** Returns the received messages after an offset. */
  receivedAfter(after: number): Received[] {
    const received: Received[] = []
    for (let offset = Math.max(after + 1, this.#first); offset <= this.#last; offset++)
      if ((this.#codeAt(offset) & 1) === 1) received.push({ offset, peer: this.#peerAt(offset)?.id ?? null })
    return received
  }

  /**
   * Returns the offsets of at most `limit` messages with a peer: the first ones from `from` on, or the last ones up to `to` if `backwards`.
   */
  #offsetsOf(id: string | null, from: number, to: number, limit: number, backwards: boolean): number[] {
    const number = this.#peers.get(id)?.number
    const found: number[] = []
    if (number === undefined) return found
    const [lowest, highest] = [Math.max(from, this.#first), Math.min(to, this.#last)]
    for (let n = 0; n <= highest - lowest && found.length < limit; n++) {
      const offset = backwards ? highest - n : lowest + n
      if (this.#codeAt(offset) >> 1 === number) found.push(offset)
    }
    return backwards ? found.reverse() : found
  }

  #codeAt(offset: number): number {
    return this.#codes[this.#start + offset - this.#first] ?? 0
  }

  #peerAt(offset: number): IndexedPeer | undefined {
    return this.#numbered[this.#codeAt(offset) >> 1]
  }

  #create(id: string | null): IndexedPeer {
    const number = this.#freeNumbers.pop() ?? this.#numbered.length
    const peer = { id, number, kept: 0, newest: 0, received: 0, sent: 0 }
    this.#peers.set(id, peer)
    this.#peerBytes += bytesOf(id)
    this.#numbered[number] = peer
    return peer
  }

  #forget(code: number): void {
    const peer = this.#numbered[code >> 1]
    if (!peer || --peer.kept > 0) return
    this.#peers.delete(peer.id)
    this.#peerBytes -= bytesOf(peer.id)
    this.#numbered[peer.number] = undefined
    this.#freeNumbers.push(peer.number)
  }

  /** Makes room for the messages up to `last`. */
  #reserve(last: number): void {
    const size = last - this.#first + 1
    const held = this.#last - this.#first + 1
    if (this.#start + size <= this.#codes.length) {
      // This part of the array may still have codes of messages that `forgetBefore` has forgotten.
      this.#codes.fill(0, this.#start + held, this.#start + size)
      return
    }
    const codes = new Int32Array(Math.max(MIN_CAPACITY, 2 * size))
    codes.set(this.#codes.subarray(this.#start, this.#start + held))
    this.#codes = codes
    this.#start = 0
  }
}
