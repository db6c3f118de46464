import { setImmediate as nextTurn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type {
  Exchange,
  InboxRange,
  InboxState,
  Peer,
  PeerMessages,
  PeerPage,
  PeerState,
  Position,
  UserRef,
} from '../../../engine.js'
import { directionOf, unreadByPeer } from '../../../decide/messages/inbox.js'
import { peerReadOffset } from '../../../decide/messages/peer-marks.js'
import { PeerIndex } from '../../../util/peer-index.js'
import type { Core } from '../../store/core.js'
import { rows } from '../../store/rows.js'
import type { WebhookEvents } from '../../webhooks/webhook-events.js'
import type { Inbox } from '../inbox.js'
import type { InboxTable } from '../inbox-table.js'
import { messageRowOf, type StoredMessage } from '../inbox-row.js'
import { MESSAGES_PER_TALLY, peerOf, tallyEnd, visitTally, type TallyRow } from '../tally.js'
import { PeerMarks } from './peer-marks.js'

/** The most tallies (see tally.ts) that are read at once. Reading more would delay the frames of other clients. */
const TALLIES_PER_STEP = 64
/** How many messages are read in one turn of the event loop. Each may have 16 kB. */
const MESSAGES_PER_TURN = 32

interface PeersOptions extends Core {
  table: InboxTable
  webhooks: WebhookEvents
  /** About how many bytes the indexes in memory may take. */
  cacheBytes: number
  /** Called with an inbox in which a mark of a peer has moved. */
  onRead: (inbox: Inbox) => void
}

interface Cached {
  epoch: string
  index: PeerIndex
}

/** The peers of inboxes. The app's backend may be a peer, too. A peer may have a read mark of its own. */
export class Peers {
  readonly #options: PeersOptions
  readonly #marks: PeerMarks
  /** The indexes that were used last. The key is the row of the inbox. */
  readonly #indexes: LRUCache<string, Cached>

  constructor(options: PeersOptions) {
    this.#options = options
    this.#marks = new PeerMarks(options.commit)
    this.#indexes = new LRUCache({
      maxSize: Math.ceil(options.cacheBytes),
      sizeCalculation: ({ index }) => index.bytes,
    })
  }

  exchanges(of: UserRef, peers: readonly (string | null)[]): Promise<Exchange[]> {
    return this.#use(of, (_inbox, index) => peers.map((peer) => index.exchange(peer)))
  }

  async page(of: UserRef, before: number | null, limit: number): Promise<PeerPage> {
    const { inbox, state, found, hasMore } = await this.#use(of, (inbox, index) => {
      const unread = unreadByPeer(inbox.marks, index.receivedAfter(inbox.marks.readUpTo))
      const peers = index.newestBefore(before ?? Infinity, limit + 1)
      const found = peers.slice(0, limit).map(({ id, newest, received }) => ({
        ...{ id, newest, received, unread: unread.get(id) ?? 0, readOffset: this.#readOffset(inbox, id) },
      }))
      return { inbox, state: inbox.state(), found, hasMore: peers.length > limit }
    })
    const messages = await this.#messagesAt(
      inbox,
      found.flatMap(({ newest, received }) => [newest, received]),
    )
    const peers = found.flatMap(({ id, unread, readOffset, newest, received }): Peer[] => {
      const message = messages.get(newest)
      const { name = null, photoUrl = null } = messages.get(received)?.sender ?? {}
      // Perhaps retention has deleted the message since `#use`.
      return message ? [{ id, name, photoUrl, unread, readOffset, newest: message }] : []
    })
    return { peers, next: hasMore ? (found.at(-1)?.newest ?? null) : null, inbox: state }
  }

  async messages(of: UserRef, peer: string | null, range: InboxRange, limit: number): Promise<PeerMessages> {
    const { inbox, state, newest, offsets, next } = await this.#use(of, (inbox, index) => ({
      ...{ inbox, state: inbox.state(), newest: index.get(peer)?.newest ?? 0 },
      ...index.pageOf(peer, range, limit),
    }))
    const messages = await this.#messagesAt(inbox, offsets)
    return { messages: offsets.flatMap((each) => messages.get(each) ?? []), inbox: state, next, newest }
  }

  async markRead(
    of: UserRef,
    peer: string | null,
    { epoch, offset }: Position,
  ): Promise<{ inbox: InboxState; peer: PeerState } | null> {
    if (this.#open(of).epoch !== epoch) return null
    return this.#use(of, (inbox, index) => {
      if (inbox.epoch !== epoch) return null
      this.#options.commit.assertWritable()
      const target = Math.min(offset, inbox.durable.offset)
      const known = index.get(peer)
      const hasMoved = known !== undefined && target > this.#readOffset(inbox, peer)
      if (hasMoved) {
        inbox.markPeerRead(peer, target, index.receivedAfter(inbox.marks.readUpTo))
        this.#marks.set(inbox, peer, target, known.newest)
        this.#options.table.markChanged(inbox)
        this.#options.onRead(inbox)
      }
      const unread = unreadByPeer(inbox.marks, index.receivedAfter(inbox.marks.readUpTo))
      const state = { id: peer, unread: unread.get(peer) ?? 0, readOffset: this.#readOffset(inbox, peer) }
      if (hasMoved) this.#tell(inbox, state)
      return { inbox: inbox.state(), peer: state }
    })
  }

  #tell(inbox: Inbox, peer: PeerState): void {
    const { emit, webhooks } = this.#options
    const { of, epoch } = inbox
    const { readOffset, unread } = inbox.state()
    emit({ type: 'read', user: of, inbox: inbox.state(), peer })
    if (!webhooks.asks(of.appId, 'message.read')) return
    const withPeer = { with: peer.id, unreadWith: peer.unread, readOffsetWith: peer.readOffset }
    webhooks.defer(of, 'message.read', { epoch, readOffset, unread, ...withPeer })
  }

  #readOffset(inbox: Inbox, peer: string | null): number {
    const mark = inbox.hasPeerMarks ? this.#marks.of(inbox, peer) : undefined
    return peerReadOffset(inbox.marks, mark, inbox.durable.first)
  }

  #open(of: UserRef): Inbox {
    return this.#options.table.peek(of)
  }

  async #messagesAt(
    inbox: Inbox,
    offsets: readonly number[],
  ): Promise<Map<number, NonNullable<ReturnType<Inbox['messageAt']>>>> {
    const messages = new Map<number, NonNullable<ReturnType<Inbox['messageAt']>>>()
    let count = 0
    for (const offset of new Set(offsets)) {
      if (count++ > 0 && count % MESSAGES_PER_TURN === 0) await nextTurn()
      const message = inbox.messageAt(offset)
      if (message) messages.set(offset, message)
    }
    return messages
  }

  /** Calls `use` when the index has all messages of the inbox. */
  async #use<T>(of: UserRef, use: (inbox: Inbox, index: PeerIndex) => T): Promise<T> {
    const { reads } = this.#options
    let known: Cached | undefined
    for (;;) {
      // Since the last round of this loop the inbox may have been evicted and opened again, or deleted with its user.
      const inbox = this.#open(of)
      const { epoch, row, durable } = inbox
      // If the cache has dropped the index, perhaps because the index alone exceeds the limit, the loop goes on with `known`.
      known = this.#indexes.get(row) ?? known
      // The new inbox of a guest whose messages have moved has the same epoch, and its offsets begin anew. So they are compared, too.
      const isCurrent = known?.epoch === epoch && known.index.last <= durable.offset
      const index = isCurrent && known ? known.index : new PeerIndex(of.userId)
      index.forgetBefore(durable.first)
      if (index.last >= durable.offset) return use(inbox, index)
      if (!isCurrent && inbox.hasPeerMarks) await this.#marks.prune(inbox, reads)
      const to = await this.#read(inbox, index)
      index.cover(to)
      known = { epoch, index }
      this.#indexes.set(row, known)
      // A store in memory reads without a turn of the event loop, so other work gets a turn here.
      if (to < durable.offset) await nextTurn()
    }
  }

  /** Adds the next messages to an index. Returns the offset up to which they are added. */
  async #read({ of: { userId }, stored: { ref }, durable }: Inbox, index: PeerIndex): Promise<number> {
    const { reads } = this.#options
    const from = index.last + 1
    const end = tallyEnd(from)
    if (end <= durable.offset) {
      const last = end + (TALLIES_PER_STEP - 1) * MESSAGES_PER_TALLY
      const to = Math.min(last, durable.offset - (durable.offset % MESSAGES_PER_TALLY))
      const range = { ...rows.tallies(ref, end, to + 1), limit: TALLIES_PER_STEP }
      for (const [key, tally] of await reads.all<TallyRow>(range)) {
        // Another call may have added the same messages meanwhile.
        const { last } = index
        visitTally(rows.offsetOf(key), tally, (offset, peer, direction) => {
          if (offset > last) index.add(offset, peer, direction)
        })
      }
      return to
    }
    const to = Math.min(index.last + MESSAGES_PER_TURN, durable.offset)
    const range = { ...rows.messages(ref, from, to + 1), limit: MESSAGES_PER_TURN }
    for (const [key, stored] of await reads.all<StoredMessage>(range)) {
      const { message, isRead } = messageRowOf(rows.offsetOf(key), stored)
      if (message.offset > index.last)
        index.add(message.offset, peerOf(userId, message), directionOf(userId, message.from, isRead))
    }
    return to
  }
}
