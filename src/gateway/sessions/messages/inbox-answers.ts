import { isUserId, limits, type ClientFrameOf } from '../../../protocol/index.js'
import { TaskQueue } from '../../../util/task-queue.js'
import type { RefusalParts } from '../../messages/client-sends.js'
import { readMessages } from '../../messages/read-messages.js'
import { readPeers } from '../../messages/read-peers.js'
import { engineRetryAfter } from '../engine-retry.js'
import type { FrameScope } from '../frame-scope.js'

export const OTHER_EPOCH = "The inbox has another 'epoch' now: reconnect, and 'started' has the new one."
export const BAD_PEER = "The peer 'with' is a user id, or null for the app's backend."

const MAX_LIMIT = 100
const DEFAULT_HISTORY = 50
const DEFAULT_PEERS = 20
/** The most bytes of a frame without its messages: its other fields and the longest id. */
const FRAME_OVERHEAD = 1_024
const MAX_FRAME_BYTES = limits.frame - FRAME_OVERHEAD
/** The most bytes of a frame's `id` as JSON. Its answer repeats the `id`, and up to 100 frames of a client that reads nothing may wait. */
const MAX_ID = 512
const LONG_ID = `The 'id' has at most ${MAX_ID} bytes as JSON.`

/** Returns whether a frame's `with` is absent or names a peer. */
export const isPeer = (peer: string | null | undefined): boolean =>
  peer === undefined || peer === null || isUserId(peer)

/**
 * Answers `history` and `peers` frames, one after the other. Each call resolves when its frame is answered, or returns undefined if it has
 * refused the frame at once.
 */
export const createInboxAnswers = ({ context, user, epoch, connection, refuse }: FrameScope) => {
  const turns = new TaskQueue()

  /** Returns why a frame is refused: it has a long id, a bad limit or another epoch. */
  const problemOf = (id: string, limit = 1, frameEpoch = epoch): RefusalParts | undefined => {
    if (Buffer.byteLength(JSON.stringify(id)) > MAX_ID) return ['too-large', LONG_ID]
    if (limit < 1 || limit > MAX_LIMIT) return ['bad-request', `The 'limit' is 1 to ${MAX_LIMIT}.`]
    return frameEpoch === epoch ? undefined : ['conflict', OTHER_EPOCH]
  }

  const problemOfHistory = (frame: ClientFrameOf<'history'>): RefusalParts | undefined => {
    if (frame.after !== undefined && frame.before !== undefined)
      return ['bad-request', "A 'history' has 'after' or 'before', not both."]
    if (!isPeer(frame.with)) return ['bad-request', BAD_PEER]
    return problemOf(frame.id, frame.limit, frame.epoch)
  }

  const endForEpoch = (): void => connection.end('unavailable', OTHER_EPOCH, engineRetryAfter())

  const answerHistory = async (frame: ClientFrameOf<'history'>): Promise<void> => {
    const { id, after, before, with: peer, limit = DEFAULT_HISTORY } = frame
    await connection.drained()
    const range = { epoch, peer, ...(after === undefined ? { before: before ?? null } : { after }) }
    const found = await readMessages(context, user, range, limit, MAX_FRAME_BYTES)
    if (!found) return endForEpoch()
    const { messages, next } = found
    connection.send({ type: 'history', id, messages, ...(peer !== undefined && next !== null && { next }) })
  }

  const answerPeers = async (frame: ClientFrameOf<'peers'>): Promise<void> => {
    const { id, before, limit = DEFAULT_PEERS } = frame
    await connection.drained()
    const from = { epoch, before: before?.offset }
    const found = await readPeers(context, user, from, limit, MAX_FRAME_BYTES)
    if (!found) return endForEpoch()
    const { peers, next } = found
    connection.send({ type: 'peers', id, peers, ...(next !== null && { next: { epoch, offset: next } }) })
  }

  return {
    history(frame: ClientFrameOf<'history'>): Promise<void> | undefined {
      const problem = problemOfHistory(frame)
      return problem ? refuse(frame, ...problem) : turns.run(() => answerHistory(frame))
    },
    peers(frame: ClientFrameOf<'peers'>): Promise<void> | undefined {
      const problem = problemOf(frame.id, frame.limit, frame.before?.epoch)
      return problem ? refuse(frame, ...problem) : turns.run(() => answerPeers(frame))
    },
  }
}
