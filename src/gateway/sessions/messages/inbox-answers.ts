import type { Engine, UserRef } from '../../../engine/index.js'
import { isUserId, limits, type ClientFrameOf } from '../../../protocol/index.js'
import { TaskQueue } from '../../../util/task-queue.js'
import type { KnownProfiles } from '../../messages/known-profiles.js'
import type { MessageTurns } from '../../messages/message-turns.js'
import { readMessages } from '../../messages/read-messages.js'
import { readPeers } from '../../messages/read-peers.js'
import type { ConnectionHandle } from '../connection-handle.js'
import { engineRetryAfter } from '../engine-retry.js'
import type { Refuse } from './messaging.js'

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
interface InboxAnswers {
  history(frame: ClientFrameOf<'history'>): Promise<void> | undefined
  peers(frame: ClientFrameOf<'peers'>): Promise<void> | undefined
}

export const createInboxAnswers = (
  { engine, messageTurns, profiles }: { engine: Engine; messageTurns: MessageTurns; profiles: KnownProfiles },
  { user, epoch }: { user: UserRef; epoch: string },
  { connection, refuse }: { connection: ConnectionHandle; refuse: Refuse },
): InboxAnswers => {
  const turns = new TaskQueue()

  /** If a frame has a long id, a bad limit or another epoch, refuses it and returns true. */
  const hasRefused = (
    frame: ClientFrameOf<'history' | 'peers'>,
    { limit, epoch: frameEpoch }: { limit: number; epoch: string | undefined },
  ): boolean => {
    if (Buffer.byteLength(JSON.stringify(frame.id)) > MAX_ID) refuse(frame, 'too-large', LONG_ID)
    else if (limit < 1 || limit > MAX_LIMIT) refuse(frame, 'bad-request', `The 'limit' is 1 to ${MAX_LIMIT}.`)
    else if (frameEpoch !== undefined && frameEpoch !== epoch) refuse(frame, 'conflict', OTHER_EPOCH)
    else return false
    return true
  }

  const endForEpoch = (): void => connection.end('unavailable', OTHER_EPOCH, engineRetryAfter())

  const hasRefusedHistory = (frame: ClientFrameOf<'history'>): boolean => {
    const { after, before, with: peer, limit = DEFAULT_HISTORY, epoch: frameEpoch } = frame
    if (after !== undefined && before !== undefined)
      refuse(frame, 'bad-request', "A 'history' has 'after' or 'before', not both.")
    else if (!isPeer(peer)) refuse(frame, 'bad-request', BAD_PEER)
    else return hasRefused(frame, { limit, epoch: frameEpoch })
    return true
  }

  const answerHistory = async (frame: ClientFrameOf<'history'>): Promise<void> => {
    const { id, after, before, with: peer, limit = DEFAULT_HISTORY } = frame
    await connection.drained()
    const range = { epoch, peer, ...(after === undefined ? { before: before ?? null } : { after }) }
    const found = await readMessages({ engine, messageTurns }, user, range, limit, MAX_FRAME_BYTES)
    if (!found) return endForEpoch()
    const { messages, next } = found
    connection.send({ type: 'history', id, messages, ...(peer !== undefined && next !== null && { next }) })
  }

  const answerPeers = async (frame: ClientFrameOf<'peers'>): Promise<void> => {
    const { id, before, limit = DEFAULT_PEERS } = frame
    await connection.drained()
    const found = await readPeers(
      { engine, messageTurns, profiles },
      user,
      { epoch, before: before?.offset },
      limit,
      MAX_FRAME_BYTES,
    )
    if (!found) return endForEpoch()
    const { peers, next } = found
    connection.send({ type: 'peers', id, peers, ...(next !== null && { next: { epoch, offset: next } }) })
  }

  return {
    history: (frame) => (hasRefusedHistory(frame) ? undefined : turns.run(() => answerHistory(frame))),
    peers(frame) {
      const { before, limit = DEFAULT_PEERS } = frame
      if (hasRefused(frame, { limit, epoch: before?.epoch })) return undefined
      return turns.run(() => answerPeers(frame))
    },
  }
}
