import { setTimeout as sleep } from 'node:timers/promises'
import type { MessagesRead } from '../../../engine/index.js'
import type { ClientFrameOf } from '../../../protocol/index.js'
import { engineRetryAfter } from '../engine-retry.js'
import type { FrameScope } from '../frame-scope.js'
import { BAD_PEER, isPeer, OTHER_EPOCH } from './inbox-answers.js'

/** How often the engine counts without a pause. */
const COUNTS_AT_ONCE = 5
/** Milliseconds between further counts: while many messages come, each count is out of date when it is there. */
const COUNT_PAUSE = 100

/** Sets read marks, and tells the client what is unread. */
export const createReadFrames = ({ context, user, epoch, delivery, connection, refuse }: FrameScope) => {
  const { engine } = context

  /** Resolves when the frame is answered, or when a mark of another page has answered it. */
  const read = async (frame: ClientFrameOf<'read'>): Promise<void> => {
    const { with: peer } = frame
    if (!isPeer(peer)) return refuse(frame, 'bad-request', BAD_PEER)
    if (frame.epoch !== epoch) return refuse(frame, 'conflict', OTHER_EPOCH)
    const mark = async () =>
      peer === undefined
        ? { inbox: await engine.markRead(user, frame), peer }
        : engine.markPeerRead(user, peer, frame)
    for (let counts = 1; ; counts++) {
      const [marked, isPassedOn] = await delivery.whetherPassedOn(peer, mark)
      if (!marked?.inbox) return connection.end('unavailable', OTHER_EPOCH, engineRetryAfter())
      // If the mark did not change, the engine emits no `read` event. The client gets `unread` even then.
      if (isPassedOn || delivery.sendReadMark(marked.inbox, marked.peer)) return
      // A message or a later mark was sent to the client while the engine counted, so the engine counts again.
      if (counts >= COUNTS_AT_ONCE) await sleep(COUNT_PAUSE)
    }
  }
  return {
    read,
    /** Sends the client what is unread now, because a newer message, or a later mark, was heard before this mark. */
    recount({ inbox, peer }: Pick<MessagesRead, 'inbox' | 'peer'>): void {
      if (inbox.epoch !== epoch) return
      const { readOffset } = peer ?? inbox
      // The mark is there already, so the engine only counts. If the engine fails, the next mark corrects the count.
      const counted = read({ type: 'read', epoch, offset: readOffset, ...(peer && { with: peer.id }) })
      void connection.surviveEngineError(counted)
    },
  }
}
