import { LRUCache } from 'lru-cache'
import type { Exchange, UserRef } from '../../../engine.js'
import { PeerIndex, type PeerMessage } from '../../../util/peer-index.js'
import type { StepRunner } from '../../step-runner.js'

/** How many messages a step reads. Other calls wait for a step. */
const MESSAGES_PER_STEP = 500
/** About how many messages the indexes in memory have together at most. An index takes 4 bytes for each, and more for its peers. */
const MAX_COST = 3_000_000

interface Cached {
  /** The number of the inbox's epoch. */
  epoch: number
  index: PeerIndex
}

/** Finds the peers of inboxes. */
export class Peers {
  readonly #runner: StepRunner
  /** The indexes of the inboxes that were asked about last. */
  readonly #indexes = new LRUCache<string, Cached>({
    maxSize: MAX_COST,
    sizeCalculation: ({ index }) => index.cost,
  })

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  async exchanges(of: UserRef, peers: readonly (string | null)[]): Promise<Exchange[]> {
    const index = await this.#index(of)
    return peers.map((peer) => index.exchange(peer))
  }

  /** Resolves with an index that has all messages of the inbox. */
  async #index(of: UserRef): Promise<PeerIndex> {
    const key = `${of.appId}\0${of.userId}`
    for (;;) {
      const known = this.#indexes.get(key) ?? { epoch: -1, index: new PeerIndex() }
      const args = [known.epoch, known.index.last, MESSAGES_PER_STEP].map(String)
      const [epoch, newest, first, isOther, ...found] = await this.#runner.onUser(
        this.#runner.steps.inboxPeers,
        of,
        args,
      )
      // The inbox of an adopted guest begins again in the same epoch when its messages have moved.
      const index = isOther === 1 || newest === 0 ? new PeerIndex() : known.index
      index.forgetBefore(Number(first))
      for (let n = 0; n + 1 < found.length; n += 2) {
        const offset = Number(found[n])
        // Another call may have read the same messages.
        if (offset > index.last) index.add(offset, peerMessageOf(of.userId, String(found[n + 1])))
      }
      const isComplete = found.length < 2 * MESSAGES_PER_STEP
      if (isComplete) index.cover(Number(newest))
      this.#indexes.set(key, { epoch: Number(epoch), index })
      if (isComplete) return index
    }
  }
}

/** Reads whom a message is with from the text that the step returns. */
const peerMessageOf = (owner: string, text: string): PeerMessage => {
  const rest = text.slice(1)
  if (text.startsWith('s')) {
    const peer = JSON.parse(rest) as string
    return { peer, isReceived: peer === owner, isSent: true, counts: false }
  }
  const peer = rest === '' ? null : rest
  return { peer, isReceived: true, isSent: false, counts: text.startsWith('r') }
}
