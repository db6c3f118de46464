import { LRUCache } from 'lru-cache'
import type { Message } from '../../../../protocol/index.js'
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
import { PeerIndex, type PeerMessage } from '../../../util/peer-index.js'
import type { Reply } from '../../client/port.js'
import type { StepRunner } from '../../step-runner.js'

/** How many offsets a step reads. Other calls wait for a step. */
const OFFSETS_PER_STEP = 500
/** How often a call asks again because messages came or went meanwhile. */
const MAX_TRIES = 8
/** About how many messages the indexes in memory have together at most. An index takes 4 bytes for each, and more for its peers. */
const MAX_COST = 3_000_000

interface Cached {
  /** The number of the inbox's epoch. */
  epoch: number
  index: PeerIndex
}

/** What a call asks for besides the index. */
interface Question {
  peers?: readonly (string | null)[]
  offsets?: readonly number[]
}

/** What a step of the script returns. */
interface Step {
  epoch: number
  newest: number
  first: number
  readOffset: number
  /** Whether the inbox has another epoch than the caller knows. */
  isOther: boolean
  /** For each peer that was asked for. */
  peers: { unread: number; mark: number }[]
  /** Those that were asked for, by offset. */
  messages: Map<number, Message>
  /** The first of the offsets that were read. */
  from: number
  /** Whom the messages from there on are with, as `peerMessageOf` reads it, separated by NUL. */
  found: string
}

interface Answer extends Step {
  index: PeerIndex
}

/** The peers of inboxes, and their marks. */
export class Peers {
  readonly #runner: StepRunner
  readonly #stateOf: (of: UserRef, state: readonly Reply[]) => InboxState
  /** The indexes of the inboxes that were asked about last. */
  readonly #indexes = new LRUCache<string, Cached>({
    maxSize: MAX_COST,
    sizeCalculation: ({ index }) => index.cost,
  })

  /** `stateOf` makes the state of an inbox of the numbers that a step returns. */
  constructor(runner: StepRunner, stateOf: (of: UserRef, state: readonly Reply[]) => InboxState) {
    this.#runner = runner
    this.#stateOf = stateOf
  }

  async exchanges(of: UserRef, peers: readonly (string | null)[]): Promise<Exchange[]> {
    const answer = await this.#ask(of, null, () => ({}))
    return peers.map((peer) => answer?.index.exchange(peer) ?? { received: false, sent: false })
  }

  async page(of: UserRef, before: Position | null, limit: number): Promise<PeerPage | null> {
    let found: { id: string | null; newest: number; received: number }[] = []
    const answer = await this.#ask(of, before?.epoch ?? null, (index) => {
      found = index
        .newestBefore(before?.offset ?? Infinity, limit + 1)
        .map(({ id, newest, received }) => ({ id, newest, received }))
      const page = found.slice(0, limit)
      const offsets = page.flatMap(({ newest, received }) => (received > 0 ? [newest, received] : [newest]))
      return { peers: page.map(({ id }) => id), offsets }
    })
    if (!answer) return null
    const { epoch, readOffset, messages } = answer
    const page = found.slice(0, limit)
    const peers = page.flatMap(({ id, newest, received }, n): Peer[] => {
      const message = messages.get(newest)
      const { name = null, photoUrl = null } = messages.get(received)?.sender ?? {}
      const { unread = 0, mark = 0 } = answer.peers[n] ?? {}
      // Retention may have deleted the message meanwhile.
      if (!message) return []
      return [{ id, name, photoUrl, unread, readOffset: Math.max(readOffset, mark), newest: message }]
    })
    const last = found.length > limit ? page.at(-1) : undefined
    const next = last ? { epoch: this.#runner.epochBase(of) + String(epoch), offset: last.newest } : null
    return { peers, next }
  }

  async messages(
    of: UserRef,
    peer: string | null,
    range: InboxRange,
    limit: number,
  ): Promise<PeerMessages | null> {
    const isBackwards = 'before' in range
    const [from, to] = isBackwards ? [1, (range.before ?? Infinity) - 1] : [range.after + 1, Infinity]
    let [offset, offsets, hasMore] = [0, [] as number[], false]
    const answer = await this.#ask(of, range.epoch, (index) => {
      offset = index.last
      offsets = index.offsetsOf(peer, from, to, limit + 1, isBackwards)
      hasMore = offsets.length > limit
      if (hasMore) offsets = isBackwards ? offsets.slice(1) : offsets.slice(0, -1)
      return { offsets }
    })
    if (!answer) return null
    const next = (isBackwards ? offsets[0] : offsets.at(-1)) ?? null
    const messages = offsets.flatMap((each) => answer.messages.get(each) ?? [])
    return { messages, next: hasMore ? next : null, offset }
  }

  async markRead(
    of: UserRef,
    peer: string | null,
    { epoch, offset }: Position,
  ): Promise<{ inbox: InboxState; peer: PeerState } | null> {
    const answer = await this.#ask(of, epoch, () => ({}))
    if (!answer) return null
    const newest = answer.index.get(peer)?.newest
    // Somebody who is no peer gets no mark.
    const target = newest === undefined ? 0 : offset
    const args = [String(answer.epoch), String(target), peer ?? '', String(newest ?? 0)]
    for (;;) {
      const [isComparable, ...state] = await this.#runner.onUser(this.#runner.steps.readPeer, of, args)
      if (isComparable !== 1) return null
      const [isUnfinished, unread, readOffset] = state.slice(4)
      if (isUnfinished === 1) continue
      return {
        inbox: this.#stateOf(of, state),
        peer: { id: peer, unread: Number(unread), readOffset: Number(readOffset) },
      }
    }
  }

  /**
   * Resolves when the index has all messages of the inbox, with the answer to what `question` asks for, which knows the index. Resolves with
   * null if the inbox has another epoch than `wanted`.
   */
  async #ask(
    of: UserRef,
    wanted: string | null,
    question: (index: PeerIndex) => Question,
  ): Promise<Answer | null> {
    const key = `${of.appId}\0${of.userId}`
    let isKnown = this.#indexes.has(key)
    for (let tries = 0; ;) {
      const known = this.#indexes.get(key) ?? { epoch: -1, index: new PeerIndex() }
      const { last, first } = known.index
      // An index that has nothing yet has no answer.
      const step = await this.#step(of, known.epoch, last, isKnown ? question(known.index) : {})
      const { epoch, newest } = step
      if (wanted !== null && this.#runner.epochNumber(of, wanted) !== epoch) return null
      // The inbox of an adopted guest begins again in the same epoch when its messages have moved.
      const index = step.isOther || newest === 0 ? new PeerIndex() : known.index
      take(index, of.userId, step)
      await this.#readOn(of, epoch, index, newest)
      this.#indexes.set(key, { epoch, index })
      const isSame = known.epoch === epoch && last === newest && first === step.first
      // A question that found nothing in an index of before may find something in the index of now.
      if (!isKnown || (!isSame && ++tries < MAX_TRIES)) {
        isKnown = true
        continue
      }
      return { ...step, index }
    }
  }

  /** Reads the messages up to `newest` that an index lacks. Redis reads the next ones while this process takes those that came. */
  async #readOn(of: UserRef, epoch: number, index: PeerIndex, newest: number): Promise<void> {
    let after = index.last
    const nextStep = (): Promise<Step> | undefined =>
      after < newest ? this.#step(of, epoch, after, {}) : undefined
    for (let next = nextStep(); next;) {
      const step = await next
      after += OFFSETS_PER_STEP
      next = nextStep()
      if (step.epoch === epoch) take(index, of.userId, step)
    }
  }

  async #step(
    of: UserRef,
    known: number,
    after: number,
    { peers = [], offsets = [] }: Question,
  ): Promise<Step> {
    const runner = this.#runner
    const ids = peers.map((peer) => peer ?? '')
    const args = [known, after, OFFSETS_PER_STEP, peers.length, ...ids, ...offsets]
    const [epoch, newest, first, readOffset, isOther, states, messages, from, found] = await runner.onUser(
      runner.steps.inboxPeers,
      of,
      args.map(String),
    )
    return {
      epoch: Number(epoch),
      newest: Number(newest),
      first: Number(first),
      readOffset: Number(readOffset),
      isOther: isOther === 1,
      peers: pairsOf(states as Reply[]).map(([unread, mark]) => ({
        unread: Number(unread),
        mark: Number(mark),
      })),
      messages: new Map(
        (messages as string[]).map((json) => JSON.parse(json) as Message).map((each) => [each.offset, each]),
      ),
      from: Number(from),
      found: String(found),
    }
  }
}

/** Adds to an index what a step has found. */
const take = (index: PeerIndex, owner: string, { first, newest, from, found }: Step): void => {
  index.forgetBefore(first)
  for (const [n, text] of found.split('\0').entries()) {
    const offset = from + n
    // Another call may have read the same messages.
    if (text !== '' && offset > index.last) index.add(offset, peerMessageOf(owner, text))
  }
  index.cover(Math.min(from + OFFSETS_PER_STEP - 1, newest))
}

const pairsOf = (list: readonly Reply[]): [Reply, Reply][] =>
  Array.from({ length: list.length / 2 }, (_, n) => [list[2 * n] ?? null, list[2 * n + 1] ?? null])

/** Reads the field `with` of a message. */
const peerMessageOf = (owner: string, text: string): PeerMessage => {
  const peer = text.length > 1 ? text.slice(1) : null
  const isSent = text.startsWith('s')
  return { peer, isReceived: !isSent || peer === owner, isSent, counts: text.startsWith('r') }
}
