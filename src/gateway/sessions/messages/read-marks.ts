import type { InboxState, PeerState } from '../../../engine/index.js'

/** A read mark: of the peer, or of the whole inbox if `peer` is undefined. */
export interface ReadMark {
  inbox: InboxState
  peer: PeerState | undefined
}

/** The id of a peer, or undefined for the mark of the whole inbox. */
export type MarkedPeer = PeerState['id'] | undefined

/** The read marks that one connection passes on to its client. */
export class ReadMarks {
  /** The latest unsent mark of each peer, and of the whole inbox (`undefined`), in the order in which the engine counted. */
  readonly #due = new Map<MarkedPeer, ReadMark>()
  /** The running calls of `whetherAdded`, each with its peer. */
  readonly #awaited = new Set<{ readonly peer: MarkedPeer; isAdded: boolean }>()

  /** How many marks were not sent yet. */
  get size(): number {
    return this.#due.size
  }

  add(mark: ReadMark): void {
    const peer = mark.peer?.id
    // Without the deletion, a later mark would keep the place of the earlier one.
    this.#due.delete(peer)
    this.#due.set(peer, mark)
    for (const awaited of this.#awaited) if (awaited.peer === peer) awaited.isAdded = true
  }

  /** Resolves with the result of `work`, and with whether a mark of the peer was added meanwhile. */
  async whetherAdded<T>(peer: MarkedPeer, work: () => Promise<T>): Promise<[result: T, isAdded: boolean]> {
    const awaited = { peer, isAdded: false }
    this.#awaited.add(awaited)
    try {
      const result = await work()
      return [result, awaited.isAdded]
    } finally {
      this.#awaited.delete(awaited)
    }
  }

  /** Removes and returns the next mark, if the messages up to `sent` include all that the mark counts. */
  take(sent: number): ReadMark | undefined {
    for (const [peer, mark] of this.#due) {
      if (sent < mark.inbox.offset) return undefined
      this.#due.delete(peer)
      return mark
    }
    return undefined
  }
}
