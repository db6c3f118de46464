import type { UserRef } from '../../engine/index.js'
import type { MessageTurns } from './message-turns.js'

/** How many messages are read first. Their size decides how many are read next. */
const FIRST_CHUNK = 16

/**
 * Resolves with at most `limit` messages, or peers with a message each. Together they have at most `maxBytes` as JSON, unless the first
 * alone has more. `read` reads what follows its argument `last`. It is called for one chunk after the other, because a single read of 100
 * messages could have 1.6 MB, of which at most 64 kB fit into a frame.
 */
export const readWhatFits = async <T>(
  turns: MessageTurns,
  of: UserRef,
  limit: number,
  maxBytes: number,
  read: (limit: number, last: T | undefined) => Promise<T[] | null>,
): Promise<T[] | null> => {
  const messages: T[] = []
  let bytes = 0
  let chunk = FIRST_CHUNK
  while (messages.length < limit) {
    const wanted = Math.min(chunk, limit - messages.length)
    const average = messages.length > 0 ? bytes / messages.length : 0
    await turns.wait(of, wanted, wanted * average)
    const next = await read(wanted, messages.at(-1))
    if (!next) return null
    // Reads of many sessions may end in the same turn. So the messages that were read wait for a turn, too.
    await turns.wait(of, next.length, next.length * average)
    for (const message of next) {
      bytes += Buffer.byteLength(JSON.stringify(message)) + 1
      if (bytes > maxBytes && messages.length > 0) return messages
      messages.push(message)
    }
    if (next.length < wanted) return messages
    chunk = Math.max(1, Math.ceil((maxBytes - bytes) / (bytes / messages.length)))
  }
  return messages
}
