import { LRUCache } from 'lru-cache'
import type { Message } from '../../../../protocol/index.js'
import type { InboxRange, PeerMessages as PeerMessagesPage, UserRef } from '../../../engine.js'
import { PeerIndex, type PeerMessage } from '../../../util/peer-index.js'
import type { StepRunner } from '../../step-runner.js'

/** How many offsets a step reads. Other calls wait for a step. */
const OFFSETS_PER_STEP = 500
/** How often a call asks again because messages were stored or deleted meanwhile. */
const MAX_TRIES = 8
/** About how many messages the indexes in memory have together at most. An index takes 4 bytes for each, and more for its peers. */
const MAX_COST = 3_000_000

interface Cached {
  /** The number of the inbox's epoch. */
  epoch: number
  index: PeerIndex
}

/** The result of a step. */
interface Step {
  epoch: number
  newest: number
  first: number
  /** Whether the inbox has another epoch than the caller knows. */
  isOther: boolean
  /** The messages that were asked for, by their offsets. */
  messages: Map<number, Message>
  /** The first of the offsets that were read. */
  from: number
  /** The field `with` of the messages from that offset on, separated by NUL. `peerMessageOf` reads it. */
  found: string
}

interface Answer extends Step {
  index: PeerIndex
}

/** Finds the messages with one peer, by an index in memory. */
export class PeerMessages {
  readonly #runner: StepRunner
  /** The indexes of the inboxes that were asked about last. */
  readonly #indexes = new LRUCache<string, Cached>({
    maxSize: MAX_COST,
    sizeCalculation: ({ index }) => index.cost,
  })

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  async page(
    of: UserRef,
    peer: string | null,
    range: InboxRange,
    limit: number,
  ): Promise<PeerMessagesPage | null> {
    const isBackwards = 'before' in range
    const [from, to] = isBackwards ? [1, (range.before ?? Infinity) - 1] : [range.after + 1, Infinity]
    let [offset, offsets, hasMore] = [0, [] as number[], false]
    const answer = await this.#ask(of, range.epoch, (index) => {
      offset = index.last
      offsets = index.offsetsOf(peer, from, to, limit + 1, isBackwards)
      hasMore = offsets.length > limit
      if (hasMore) offsets = isBackwards ? offsets.slice(1) : offsets.slice(0, -1)
      return offsets
    })
    if (!answer) return null
    const next = (isBackwards ? offsets[0] : offsets.at(-1)) ?? null
    const messages = offsets.flatMap((each) => answer.messages.get(each) ?? [])
    return { messages, next: hasMore ? next : null, offset }
  }

  /**
   * Completes the index of the inbox, and reads messages. `question` returns their offsets from the index. Resolves with these messages
   * when the index has all messages of the inbox; with null if the inbox has another epoch than `wanted`.
   */
  async #ask(
    of: UserRef,
    wanted: string,
    question: (index: PeerIndex) => readonly number[],
  ): Promise<Answer | null> {
    const key = `${of.appId}\0${of.userId}`
    let isKnown = this.#indexes.has(key)
    for (let tries = 0; ;) {
      const known = this.#indexes.get(key) ?? { epoch: -1, index: new PeerIndex() }
      const { last, first } = known.index
      // An empty index answers no question, so the first step only fills it.
      const step = await this.#step(of, known.epoch, last, isKnown ? question(known.index) : [])
      const { epoch, newest } = step
      if (this.#runner.epochNumber(of, wanted) !== epoch) return null
      // When the messages of an adopted guest have moved, the guest's inbox begins again in the same epoch.
      const index = step.isOther || newest === 0 ? new PeerIndex() : known.index
      take(index, of.userId, step)
      await this.#readOn(of, epoch, index, newest)
      this.#indexes.set(key, { epoch, index })
      const isSame = known.epoch === epoch && last === newest && first === step.first
      // If the index was empty or has changed, the question is asked again, because it may now find other offsets.
      if (!isKnown || (!isSame && ++tries < MAX_TRIES)) {
        isKnown = true
        continue
      }
      return { ...step, index }
    }
  }

  /**
   * Reads the messages up to `newest` that an index lacks. Redis reads the next messages while this process adds the last ones to the
   * index.
   */
  async #readOn(of: UserRef, epoch: number, index: PeerIndex, newest: number): Promise<void> {
    let after = index.last
    const nextStep = (): Promise<Step> | undefined =>
      after < newest ? this.#step(of, epoch, after, []) : undefined
    for (let next = nextStep(); next;) {
      const step = await next
      after += OFFSETS_PER_STEP
      next = nextStep()
      if (step.epoch === epoch) take(index, of.userId, step)
    }
  }

  async #step(of: UserRef, known: number, after: number, offsets: readonly number[]): Promise<Step> {
    const runner = this.#runner
    const [epoch, newest, first, isOther, messages, from, found] = await runner.onUser(
      runner.steps.peerMessages,
      of,
      [known, after, OFFSETS_PER_STEP, ...offsets].map(String),
    )
    return {
      epoch: Number(epoch),
      newest: Number(newest),
      first: Number(first),
      isOther: isOther === 1,
      messages: new Map(
        (messages as string[]).map((json) => JSON.parse(json) as Message).map((each) => [each.offset, each]),
      ),
      from: Number(from),
      found: String(found),
    }
  }
}

/** Adds the messages that a step has read to an index. */
const take = (index: PeerIndex, owner: string, { first, newest, from, found }: Step): void => {
  index.forgetBefore(first)
  for (const [n, text] of found.split('\0').entries()) {
    const offset = from + n
    // Another call may have read the same messages.
    if (text !== '' && offset > index.last) index.add(offset, peerMessageOf(owner, text))
  }
  index.cover(Math.min(from + OFFSETS_PER_STEP - 1, newest))
}

/** Reads the field `with` of a message. */
const peerMessageOf = (owner: string, text: string): PeerMessage => {
  const peer = text.length > 1 ? text.slice(1) : null
  const isSent = text.startsWith('s')
  return { peer, isReceived: !isSent || peer === owner, isSent, counts: text.startsWith('r') }
}
