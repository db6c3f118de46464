import type { Engine, InboxRange, UserRef } from '../../engine/index.js'
import type { Message } from '../../protocol/index.js'
import type { MessageTurns } from './message-turns.js'
import { readWhatFits } from './read-what-fits.js'

interface Context {
  engine: Pick<Engine, 'inbox' | 'messagesAfter' | 'messagesBefore'>
  messageTurns: MessageTurns
}

/**
 * Reads an inbox's messages in the order of their offsets, as many as `limit` and `maxBytes` allow. Resolves with null if the inbox has
 * another epoch than `range`, and so numbers its messages anew.
 */
export const readHistory = async (
  { engine, messageTurns }: Context,
  of: UserRef,
  range: InboxRange,
  limit: number,
  maxBytes: number,
): Promise<Message[] | null> => {
  const { epoch } = range
  const isBackwards = 'before' in range
  const messages = await readWhatFits<Message>(messageTurns, of, limit, maxBytes, async (count, last) => {
    if (isBackwards) {
      const offset = last?.offset ?? range.before
      // The newest messages come first, so that the oldest ones are left out if not all fit.
      return (await engine.messagesBefore(of, { epoch, offset }, count))?.reverse() ?? null
    }
    const offset = last?.offset ?? range.after
    const page = await engine.messagesAfter(of, { epoch, offset }, count)
    // The user may have been deleted since the caller read the epoch. Then `page` has messages of another inbox.
    if (page.lost && (await engine.inbox(of)).epoch !== epoch) return null
    // For an offset beyond the newest one the engine returns all messages, and the filter keeps none. If retention has deleted messages
    // since the last read, the result ends before the gap.
    const isGap = last !== undefined && page.lost
    return isGap ? [] : page.messages.filter((message) => message.offset > offset)
  })
  if (!messages) return null
  return isBackwards ? messages.reverse() : messages
}
