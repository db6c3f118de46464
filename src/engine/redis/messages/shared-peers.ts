import { LRUCache } from 'lru-cache'
import type { Message } from '../../../protocol/index.js'
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
} from '../../engine.js'
import { userKey } from '../../user-key.js'
import { directions, type Direction } from '../../decide/messages/inbox.js'
import { PeerIndex } from '../../util/peer-index.js'
import type { StepRunner } from '../step-runner.js'

/** The number of messages whose peers one step reads. Other calls wait while a step runs. */
const MESSAGES_PER_STEP = 2_000
/** How many bytes the indexes may take in all. */
const MAX_BYTES = 12_000_000

interface Cached {
  /** The number of the inbox's epoch. */
  epoch: number
  index: PeerIndex
}

/** What a call asks Redis: the messages at some offsets, and how many messages of some peers are unread. */
interface Question {
  offsets?: readonly number[]
  peers?: readonly (string | null)[]
}

/** The result of a step. */
interface Answer extends Cached {
  inbox: InboxState
  /** The messages that were asked for, by their offsets. */
  messages: Map<number, Message>
  /** For each peer that was asked for: the number of unread messages, and the offset of the mark. */
  unread: readonly (readonly [unread: number, mark: number])[]
}

/** The direction of a message by its kind, which the field `about` in `fields.ts` has. */
const kinds: Readonly<Record<string, Direction>> = {
  r: directions.received,
  x: directions.read,
  s: directions.sent,
}

/**
 * The peers of inboxes, and each peer's mark: the offset up to which the peer's messages are read. The list `peerLog` in Redis has the peer
 * of each message. A gateway that is asked about peers keeps an index of this list in memory, and each call reads what the index lacks.
 */
export class SharedPeers {
  readonly #runner: StepRunner
  /** The indexes of the inboxes that were asked about last. */
  readonly #indexes = new LRUCache<string, Cached>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ index }) => index.bytes,
  })

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  async exchanges(of: UserRef, peers: readonly (string | null)[]): Promise<Exchange[]> {
    const [exchanges] = await this.#ask(of, (index) => peers.map((peer) => index.exchange(peer)))
    return exchanges
  }

  async page(of: UserRef, before: number | null, limit: number): Promise<PeerPage> {
    const [{ found, hasMore }, answer] = await this.#ask(
      of,
      (index) => {
        const found = index.newestBefore(before ?? Infinity, limit + 1)
        return { found: found.slice(0, limit).map((each) => ({ ...each })), hasMore: found.length > limit }
      },
      ({ found }) => ({
        offsets: [...new Set(found.flatMap(({ newest, received }) => [newest, received]))],
        peers: found.map(({ id }) => id),
      }),
    )
    const { messages, inbox } = answer
    const peers = found.flatMap(({ id, ...offsets }, n): Peer[] => {
      const [unread = 0, mark = 0] = answer.unread[n] ?? []
      const readOffset = Math.max(inbox.readOffset, mark)
      const newest = messages.get(offsets.newest)
      const { name = null, photoUrl = null } = messages.get(offsets.received)?.sender ?? {}
      // Somebody may have deleted the newest message by hand.
      return newest ? [{ id, name, photoUrl, unread, readOffset, newest }] : []
    })
    return { peers, next: hasMore ? (found.at(-1)?.newest ?? null) : null, inbox }
  }

  async messages(of: UserRef, peer: string | null, range: InboxRange, limit: number): Promise<PeerMessages> {
    const [{ offsets, next, newest }, { messages, inbox }] = await this.#ask(
      of,
      (index) => ({ ...index.pageOf(peer, range, limit), newest: index.get(peer)?.newest ?? 0 }),
      ({ offsets }) => ({ offsets }),
    )
    return { messages: offsets.flatMap((offset) => messages.get(offset) ?? []), next, newest, inbox }
  }

  async markRead(
    of: UserRef,
    peer: string | null,
    { epoch, offset }: Position,
  ): Promise<{ inbox: InboxState; peer: PeerState } | null> {
    const epochNumber = this.#runner.epochs.numberOf(of, epoch)
    const [newest, answer] = await this.#ask(of, (index) => index.get(peer)?.newest ?? 0)
    if (answer.epoch !== epochNumber) return null
    const args = [epochNumber, offset, peer, answer.inbox.offset, newest] as const
    for (;;) {
      const reply = await this.#runner.onUser(this.#runner.steps.markRead, of, args, {
        changes: { markOf: peer },
      })
      if (reply[0] === 0) return null
      const [, isUnfinished, unread, readOffset, ...state] = reply
      if (isUnfinished === 1) continue
      return { inbox: this.#runner.epochs.inboxOf(of, state), peer: { id: peer, unread, readOffset } }
    }
  }

  /**
   * Completes the index of an inbox. Resolves with what `find` finds in the index, and with the answer to the question that `questionOf`
   * makes of what was found. Both results show the inbox up to `answer.inbox.offset`, without messages that have come while this call asks.
   */
  async #ask<T>(
    of: UserRef,
    find: (index: PeerIndex) => T,
    questionOf: (found: T) => Question = () => ({}),
  ): Promise<[found: T, answer: Answer]> {
    const key = userKey(of)
    let known: Cached = { epoch: -1, index: new PeerIndex(of.userId) }
    for (let newest: number | undefined; ;) {
      // The cache may have dropped this index to make room, or because this index exceeds the limit by itself.
      known = this.#indexes.get(key) ?? known
      const { last, first } = known.index
      // If the index has all messages that an earlier read of this call has seen, the next answer suffices, whatever comes meanwhile.
      const isLast = newest !== undefined && last >= newest
      const found = find(known.index)
      const question = newest === undefined || isLast ? questionOf(found) : {}
      const answer = await this.#read(of, known, question, isLast)
      this.#indexes.set(key, { epoch: answer.epoch, index: answer.index })
      const { inbox } = answer
      const hasAll = last === inbox.offset && first === answer.index.first
      if (answer.index === known.index && (hasAll || isLast)) {
        const readOffset = Math.min(inbox.readOffset, last)
        return [found, { ...answer, inbox: { ...inbox, offset: last, readOffset } }]
      }
      known = answer
      newest = inbox.offset
    }
  }

  /**
   * Reads the peers of the next messages into an index. The answer has a new index if the known index is of another inbox or epoch. With
   * `isLast` the unread counts of the answer leave out these messages.
   */
  async #read(
    of: UserRef,
    { epoch, index }: Cached,
    { offsets = [], peers = [] }: Question,
    isLast: boolean,
  ): Promise<Answer> {
    const { last } = index
    const args = [epoch, last, MESSAGES_PER_STEP, isLast, offsets.length, ...offsets, ...peers] as const
    const reply = await this.#runner.onUser(this.#runner.steps.inboxPeers, of, args)
    const [answeredEpoch, , , , first, isOther, to, items, messages, unread] = reply
    const next = isOther === 1 ? new PeerIndex(of.userId) : index
    // If another call has added the same messages meanwhile, this call adds none.
    const isBehind = next !== index || index.last === last
    next.forgetBefore(first)
    if (isBehind) {
      next.cover(to)
      addItems(next, items.split('\0'), to)
    }
    return {
      ...{ epoch: answeredEpoch, index: next, inbox: this.#runner.epochs.inboxOf(of, reply) },
      messages: new Map(
        messages.flatMap((json, n) => (json === '' ? [] : [[offsets[n] ?? 0, JSON.parse(json) as Message]])),
      ),
      unread,
    }
  }
}

/** Adds messages to an index, from items of `peerLog`. The last item is about the message at offset `to`. */
const addItems = (index: PeerIndex, items: readonly string[], to: number): void => {
  for (const [n, item] of items.entries()) {
    // The item of a message that a transfer has brought begins with the offset.
    const isTransferred = item.charAt(0) <= '9'
    const at = isTransferred ? item.indexOf(' ') + 1 : 0
    const offset = isTransferred ? Number(item.slice(0, at)) : to - items.length + 1 + n
    const direction = kinds[item.charAt(at)]
    // Scripts trim the list only now and then, so it may have items of deleted messages.
    if (offset >= index.first && direction !== undefined)
      index.add(offset, item.slice(at + 1) || null, direction)
  }
}
