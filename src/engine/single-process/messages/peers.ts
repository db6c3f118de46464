import { setImmediate as nextTurn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Exchange, UserRef } from '../../engine.js'
import { PeerIndex, peerMessageOf, type PeerMessage } from '../../util/peer-index.js'
import type { Reads } from '../store/reads.js'
import { rows } from '../store/rows.js'
import type { Inbox } from './inbox.js'
import { messageRowOf, type StoredMessage } from './inbox-row.js'

/** How many rows are read at once. More would keep the frames of others waiting. */
const ROWS_PER_STEP = 512
/** The share of the bytes for inboxes that indexes take besides, and about how many bytes one unit of their cost takes. */
const CACHE_SHARE = 0.25
const COST_BYTES = 4

export interface PeersOptions {
  reads: Reads
  open: (of: UserRef) => Inbox
  /** About how many bytes the inboxes in memory may take. */
  cacheBytes: number
}

interface Cached {
  epoch: string
  index: PeerIndex
}

/** Finds the peers of inboxes. */
export class Peers {
  readonly #reads: Reads
  readonly #open: (of: UserRef) => Inbox
  /** The indexes of the inboxes that were asked about last, by the row of the inbox. */
  readonly #indexes: LRUCache<string, Cached>

  constructor({ reads, open, cacheBytes }: PeersOptions) {
    this.#reads = reads
    this.#open = open
    this.#indexes = new LRUCache({
      maxSize: Math.ceil((cacheBytes * CACHE_SHARE) / COST_BYTES),
      sizeCalculation: ({ index }) => index.cost,
    })
  }

  exchanges(of: UserRef, peers: readonly (string | null)[]): Promise<Exchange[]> {
    return this.#use(of, (_inbox, index) => peers.map((peer) => index.exchange(peer)))
  }

  /** Calls `use` when the index has all messages of the inbox. */
  async #use<T>(of: UserRef, use: (inbox: Inbox, index: PeerIndex) => T): Promise<T> {
    const parse = parserOf(of.userId)
    for (;;) {
      // The inbox may have been evicted and opened again, or deleted with its user.
      const inbox = this.#open(of)
      const { epoch, row, durable, stored } = inbox
      const cached = this.#indexes.get(row)
      // The inbox of an adopted guest begins again in the same epoch when its messages have moved.
      const isCurrent = cached?.epoch === epoch && cached.index.last <= durable.offset
      const index = isCurrent ? cached.index : new PeerIndex()
      index.forgetBefore(durable.first)
      const [from, to] = [index.last + 1, Math.min(index.last + ROWS_PER_STEP, durable.offset)]
      if (from > to) return use(inbox, index)
      const range = { ...rows.messages(stored.ref, from, to + 1), limit: ROWS_PER_STEP }
      for (const [key, message] of await this.#reads.all(range, parse)) {
        const offset = rows.offsetOf(key)
        // Another call may have read the same rows.
        if (offset > index.last) index.add(offset, message)
      }
      index.cover(to)
      this.#indexes.set(row, { epoch, index })
      // A store in memory reads at once.
      if (to < durable.offset) await nextTurn()
    }
  }
}

/** What a row begins with whose message has the keys in the usual order. */
const HEAD = /^\[[^{]*\{"id":"(?:[^"\\]|\\.)*","from":(null|"(?:[^"\\]|\\.)*"),"to":("(?:[^"\\]|\\.)*")/

/** Returns a function that reads from the row of a message whom it is with. Parsing the whole row would take several times as long. */
const parserOf = (owner: string): ((json: string) => PeerMessage) => {
  const ownerJson = JSON.stringify(owner)
  return (json) => {
    const [, from, to] = HEAD.exec(json) ?? []
    if (from === undefined || to === undefined) {
      const { message, isRead } = messageRowOf(0, JSON.parse(json) as StoredMessage)
      return peerMessageOf(owner, message.from, message.to, isRead)
    }
    const peer = JSON.parse(from === ownerJson ? to : from) as string | null
    // A list of senders, which may stand there instead, ends with three brackets.
    const isRead = json.endsWith(',1]')
    return from === ownerJson
      ? { peer, isReceived: to === ownerJson, isSent: true, counts: false }
      : { peer, isReceived: true, isSent: false, counts: !isRead }
  }
}
