/** The peer of a message, and its direction. A message to oneself has both directions. */
export interface PeerMessage {
  /** The peer's user id; null for the app's backend. */
  peer: string | null
  isReceived: boolean
  isSent: boolean
  /** Whether the message is unread until a mark reaches it. */
  counts: boolean
}

/** A peer with kept messages. */
interface IndexedPeer {
  readonly id: string | null
  /** How many messages with the peer are kept. */
  kept: number
  /** The newest offset of all messages with the peer, of those from the peer, and of those to the peer; 0 if there is none. */
  newest: number
  received: number
  sent: number
}

const MIN_CAPACITY = 16
/** About how much memory a peer takes, as a multiple of a message's. */
const PEER_COST = 40

/** Returns the peer and the direction of a message in `owner`'s inbox. */
export const peerMessageOf = (
  owner: string,
  from: string | null,
  to: string,
  isRead: boolean,
): PeerMessage => ({
  peer: from === owner ? to : from,
  isReceived: from !== owner || to === owner,
  isSent: from === owner,
  counts: from !== owner && !isRead,
})

/**
 * An index of an inbox's kept messages by peer, which takes 4 bytes for each message. An inbox has an index only after a call has asked for
 * peers, so that a send costs nothing extra. The caller adds the messages that came since, in their order.
 */
export class PeerIndex {
  readonly #peers = new Map<string | null, IndexedPeer & { number: number }>()
  /** The peers by number. */
  readonly #numbered: ((IndexedPeer & { number: number }) | undefined)[] = [undefined]
  readonly #freeNumbers: number[] = []
  /**
   * For each offset from `#first` on: twice the peer's number, plus 1 if the message is unread until a mark reaches it. 0 if there is no
   * message.
   */
  #codes = new Int32Array(MIN_CAPACITY)
  /** The index in `#codes` of offset `#first`. */
  #start = 0
  #first = 1
  #last = 0

  /** The offset up to which messages were added. */
  get last(): number {
    return this.#last
  }

  /** The oldest offset that is not forgotten. */
  get first(): number {
    return this.#first
  }

  /** About how much memory the index takes, as a multiple of a message's. */
  get cost(): number {
    return this.#codes.length + PEER_COST * this.#peers.size
  }

  add(offset: number, { peer: id, isReceived, isSent, counts }: PeerMessage): void {
    this.cover(offset)
    const peer = this.#peers.get(id) ?? this.#create(id)
    peer.kept++
    peer.newest = offset
    if (isReceived) peer.received = offset
    if (isSent) peer.sent = offset
    this.#codes[this.#start + offset - this.#first] = 2 * peer.number + Number(counts)
  }

  /** Notes that there are no other messages up to `offset`. */
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
    for (let offset = Math.min(before - 1, this.#last); offset >= this.#first; offset--) {
      const peer = this.#peerAt(offset)
      if (peer?.newest !== offset) continue
      found.push(peer)
      if (found.length === limit) break
    }
    return found
  }

  /** Returns the offsets of messages with a peer from one offset to another, `limit` of them; the newest ones if `backwards`. */
  offsetsOf(id: string | null, from: number, to: number, limit: number, backwards: boolean): number[] {
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

  /** Returns the offsets, from one offset to another, of the messages with a peer that are unread until a mark reaches them. */
  countedOf(id: string | null, from: number, to: number): number[] {
    return this.offsetsOf(id, from, to, Infinity, false).filter((offset) => this.counts(offset))
  }

  /** Returns, by peer, how many messages after an offset are unread: messages that count, and for which `isRead` returns false. */
  unreadAfter(after: number, isRead: (offset: number) => boolean): Map<string | null, number> {
    const counts = new Map<string | null, number>()
    for (let offset = Math.max(after + 1, this.#first); offset <= this.#last; offset++) {
      if ((this.#codeAt(offset) & 1) === 0 || isRead(offset)) continue
      const id = this.#peerAt(offset)?.id ?? null
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    return counts
  }

  /** Returns whether a message is unread until a mark reaches it. */
  counts(offset: number): boolean {
    return (this.#codeAt(offset) & 1) === 1
  }

  #codeAt(offset: number): number {
    return this.#codes[this.#start + offset - this.#first] ?? 0
  }

  #peerAt(offset: number): (IndexedPeer & { number: number }) | undefined {
    return this.#numbered[this.#codeAt(offset) >> 1]
  }

  #create(id: string | null): IndexedPeer & { number: number } {
    const number = this.#freeNumbers.pop() ?? this.#numbered.length
    const peer = { id, number, kept: 0, newest: 0, received: 0, sent: 0 }
    this.#peers.set(id, peer)
    this.#numbered[number] = peer
    return peer
  }

  #forget(code: number): void {
    const peer = this.#numbered[code >> 1]
    if (!peer || --peer.kept > 0) return
    this.#peers.delete(peer.id)
    this.#numbered[peer.number] = undefined
    this.#freeNumbers.push(peer.number)
  }

  /** Makes room for the messages up to `last`. */
  #reserve(last: number): void {
    const size = last - this.#first + 1
    const held = this.#last - this.#first + 1
    if (this.#start + size <= this.#codes.length) {
      // These places may still have the codes of messages that `forgetBefore` has forgotten.
      this.#codes.fill(0, this.#start + held, this.#start + size)
      return
    }
    const codes = new Int32Array(Math.max(MIN_CAPACITY, 2 * size))
    codes.set(this.#codes.subarray(this.#start, this.#start + held))
    this.#codes = codes
    this.#start = 0
  }
}
