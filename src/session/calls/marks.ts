import type { ClientFrameOf, GatewayFrameOf } from '../../protocol/index.js'
import { callFrames } from '../../protocol/internal.js'
import type { Position } from '../machine/state.js'
import type { Answer, Request } from '../storage/outbox.js'
import { toFrame } from '../util/to-frame.js'
import type { Requests } from './requests.js'
import { toJson } from '../util/to-json.js'

type Read = ClientFrameOf<'read'>
/** A user, null for the app's backend, or undefined for the whole inbox. */
type Peer = Read['with']

/**
 * At most this many read marks are sent again on a new connection. More are not needed: a crash of the gateway's computer loses only the
 * latest marks.
 */
const MAX_MARKS = 20

interface Marks {
  /** Resolves when the gateway has accepted the mark. */
  mark(offset: number, peer: Peer): Promise<void>
  /** Called with each `unread` frame. */
  remember(frame: GatewayFrameOf<'unread'>): void
  /** Sends the latest marks again, because the gateway's computer may have crashed and lost them. */
  repeat(epoch: string): void
}

/** `newest` returns the position of the newest message that arrived; null before the first connection. */
export const createMarks = ({ request }: Requests, newest: () => Position | null): Marks => {
  /** The latest read marks that the gateway sent, by peer. A peer's mark is added only if it is beyond that of the inbox. */
  const latest = new Map<Peer, Read>()

  /** The highest mark that waits for its answer, by epoch and peer. */
  const waiting = new Map<string, { offset: number; sent: Promise<unknown> }>()

  const readFrame = (offset: number, peer: Peer): Read =>
    toFrame<Read>({ type: 'read', epoch: newest()?.epoch ?? '', offset, with: peer })

  /** Adds a mark as the newest entry. */
  const add = (offset: number, peer: Peer): void => {
    latest.delete(peer)
    latest.set(peer, readFrame(offset, peer))
    for (const oldest of latest.keys()) if (latest.size > MAX_MARKS) latest.delete(oldest)
  }

  const isAnswer = (answer: Answer, asked: Request): answer is GatewayFrameOf<'unread'> => {
    const position = newest()
    if (answer.type !== 'unread' || asked.type !== 'read' || asked.epoch !== position?.epoch) return false
    // The gateway's mark stops at the newest message, which arrived before `unread`. So if the request has a higher offset, the offset of
    // that message counts.
    const target = Math.min(asked.offset, position.offset)
    const { with: peer, readOffset, unreadWith, readOffsetWith } = answer
    if (asked.with === undefined) return readOffset >= target
    // If the user in `with` is not a peer, no mark reaches `target`. But then `unreadWith` is 0, which answers the request, too.
    const isReached = readOffsetWith !== undefined && readOffsetWith >= target
    return asked.with === peer && (unreadWith === 0 || isReached)
  }

  /** Sends a mark. Of the marks that wait with the same epoch and peer, only the highest is sent. */
  const send = (frame: Read): Promise<unknown> => {
    // An object, because in an array JSON has null in place of undefined.
    const key = toJson({ epoch: frame.epoch, with: frame.with })
    const higher = waiting.get(key)
    if (higher && higher.offset >= frame.offset) return higher.sent
    const sent = request(frame, { checks: callFrames.read, isAnswer, key, isUnordered: true })
    const mark = { offset: frame.offset, sent }
    waiting.set(key, mark)
    const settled = (): void => {
      if (waiting.get(key) === mark) waiting.delete(key)
    }
    sent.then(settled, settled)
    return sent
  }

  return {
    async mark(offset, peer) {
      await send(readFrame(offset, peer))
    },
    remember({ readOffset, with: peer, readOffsetWith = 0 }) {
      add(readOffset, undefined)
      if (readOffsetWith > readOffset) add(readOffsetWith, peer)
    },
    repeat(epoch) {
      // Nobody waits for these requests, so their errors are dropped.
      for (const mark of latest.values()) if (mark.epoch === epoch) send(mark).catch(() => undefined)
    },
  }
}
