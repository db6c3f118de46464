import type { Engine, UserRef } from '../../../engine/index.js'
import { isUserId, limits, type ClientFrameOf } from '../../../protocol/index.js'
import { TaskQueue } from '../../../util/task-queue.js'
import type { MessageTurns } from '../../messages/message-turns.js'
import { readHistory } from '../../messages/read-history.js'
import { readPeers, readWith } from '../../messages/read-peers.js'
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

/** Returns whether a frame's `with` is absent or names a peer. */
export const isPeer = (peer: string | null | undefined): boolean =>
  peer === undefined || peer === null || isUserId(peer)

/** Answers `history` and `peers` frames, one after the other. Each call resolves when its frame is answered. */
interface InboxAnswers {
  history(frame: ClientFrameOf<'history'>): Promise<void>
  peers(frame: ClientFrameOf<'peers'>): Promise<void>
}

export const createInboxAnswers = (
  { engine, messageTurns }: { engine: Engine; messageTurns: MessageTurns },
  { user, epoch }: { user: UserRef; epoch: string },
  { connection, refuse }: { connection: ConnectionHandle; refuse: Refuse },
): InboxAnswers => {
  const turns = new TaskQueue()

  /** If a frame has a bad limit or another epoch, refuses it and returns true. */
  const hasRefused = (
    frame: ClientFrameOf<'history' | 'peers'>,
    { limit, epoch: frameEpoch }: { limit: number; epoch: string | undefined },
  ): boolean => {
    if (limit < 1 || limit > MAX_LIMIT) refuse(frame, 'bad-request', `The 'limit' is 1 to ${MAX_LIMIT}.`)
    else if (frameEpoch !== undefined && frameEpoch !== epoch) refuse(frame, 'conflict', OTHER_EPOCH)
    else return false
    return true
  }

  const endForEpoch = (): void => connection.end('unavailable', OTHER_EPOCH, engineRetryAfter())

  const answerHistory = async (frame: ClientFrameOf<'history'>): Promise<void> => {
    const { id, after, before, with: peer, limit = DEFAULT_HISTORY } = frame
    if (after !== undefined && before !== undefined)
      return refuse(frame, 'bad-request', "A 'history' has 'after' or 'before', not both.")
    if (!isPeer(peer)) return refuse(frame, 'bad-request', BAD_PEER)
    if (hasRefused(frame, { limit, epoch: frame.epoch })) return
    await connection.drained()
    const range = { epoch, ...(after === undefined ? { before: before ?? null } : { after }) }
    if (peer !== undefined) {
      const found = await readWith({ engine, messageTurns }, user, peer, range, limit, MAX_FRAME_BYTES)
      if (!found) return endForEpoch()
      const { messages, next } = found
      return connection.send({ type: 'history', id, messages, ...(next !== null && { next }) })
    }
    const messages = await readHistory({ engine, messageTurns }, user, range, limit, MAX_FRAME_BYTES)
    if (!messages) return endForEpoch()
    connection.send({ type: 'history', id, messages })
  }

  const answerPeers = async (frame: ClientFrameOf<'peers'>): Promise<void> => {
    const { id, before, limit = DEFAULT_PEERS } = frame
    if (hasRefused(frame, { limit, epoch: before?.epoch })) return
    await connection.drained()
    const found = await readPeers(
      { engine, messageTurns },
      user,
      { epoch, before: before?.offset },
      limit,
      MAX_FRAME_BYTES,
    )
    if (!found) return endForEpoch()
    const { peers, next } = found
    connection.send({ type: 'peers', id, peers, ...(next && { next }) })
  }

  return {
    history: (frame) => turns.run(() => answerHistory(frame)),
    peers: (frame) => turns.run(() => answerPeers(frame)),
  }
}
