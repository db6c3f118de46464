import type { Message } from '../../../../protocol/index.js'
import type { Exchange, InboxState, Peer, PeerPage, PeerState, Position, UserRef } from '../../../engine.js'
import type { Reply } from '../../client/port.js'
import type { StepRunner } from '../../step-runner.js'

/** How many values one step returns for a peer. */
const VALUES_PER_PEER = 5

/** The peers of inboxes, and their marks. Each inbox has a sorted set with its peers, which each message updates. */
export class Peers {
  readonly #runner: StepRunner
  readonly #stateOf: (of: UserRef, state: readonly Reply[]) => InboxState

  /** `stateOf` makes the state of an inbox from the numbers that a step returns. */
  constructor(runner: StepRunner, stateOf: (of: UserRef, state: readonly Reply[]) => InboxState) {
    this.#runner = runner
    this.#stateOf = stateOf
  }

  async exchanges(of: UserRef, peers: readonly (string | null)[]): Promise<Exchange[]> {
    const ids = peers.map((peer) => peer ?? '')
    for (;;) {
      const [isUnfinished, ...found] = await this.#runner.onUser(this.#runner.steps.peerExchanges, of, ids)
      if (isUnfinished !== 1)
        return peers.map((_, n) => ({ received: found[2 * n] === 1, sent: found[2 * n + 1] === 1 }))
    }
  }

  async page(of: UserRef, before: Position | null, limit: number): Promise<PeerPage | null> {
    const { steps } = this.#runner
    const peers: Peer[] = []
    let [epoch, from] = ['', before ? String(-before.offset) : '-inf']
    do {
      const args = [from, String(limit + 1 - peers.length)]
      const [number, inboxReadOffset, next, ...list] = await this.#runner.onUser(steps.inboxPeers, of, args)
      // The user may be deleted between two steps.
      const known = epoch
      epoch = this.#runner.epochBase(of) + String(number)
      if (before && before.epoch !== epoch) return null
      if (known !== '' && known !== epoch) return this.page(of, null, limit)
      for (let n = 0; n < list.length; n += VALUES_PER_PEER)
        peers.push(peerOf(of.userId, Number(inboxReadOffset), list.slice(n, n + VALUES_PER_PEER)))
      from = String(next)
    } while (from !== '' && peers.length <= limit)
    const last = peers.length > limit ? peers[limit - 1] : undefined
    return { peers: peers.slice(0, limit), next: last ? { epoch, offset: last.newest.offset } : null }
  }

  async markRead(
    of: UserRef,
    peer: string | null,
    { epoch, offset }: Position,
  ): Promise<{ inbox: InboxState; peer: PeerState } | null> {
    const args = [String(this.#runner.epochNumber(of, epoch)), String(offset), peer ?? '']
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
}

/** Makes a peer from the values that a step returns. The peer's name is the one in the newest message from the peer. */
const peerOf = (
  owner: string,
  inboxReadOffset: number,
  [peer, unread, mark, json, receivedJson]: readonly Reply[],
): Peer => {
  const id = String(peer) || null
  const newest = JSON.parse(String(json)) as Message
  const isReceived = newest.from !== owner || id === owner
  const received = receivedJson === '' ? null : (JSON.parse(String(receivedJson)) as Message)
  const { name = null, photoUrl = null } = (isReceived ? newest : received)?.sender ?? {}
  const readOffset = Math.max(inboxReadOffset, Number(mark))
  return { id, name, photoUrl, unread: Number(unread), readOffset, newest }
}
