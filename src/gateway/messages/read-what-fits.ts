import type { UserRef } from '../../engine/index.js'
import type { MessageTurns } from './message-turns.js'

/** How many messages are read first. Their size decides how many are read next. */
const FIRST_CHUNK = 16

/** A part of a list. `next`: the offset after which the list goes on; null if this is its last part. */
interface Part<T> {
  items: T[]
  next: number | null
}

/**
 * Resolves with at most `limit` messages, or peers with a message each. Together they have at most `maxBytes` as JSON, unless the first
 * alone has more. `read` reads what follows its argument `after`, an offset, which is undefined for the first part. It is called for one
 * part after the other, because a single read of 100 messages could have 1.6 MB, of which at most 64 kB fit into a frame. Resolves with
 * null if `read` does.
 */
export const readWhatFits = async <T>(
  turns: MessageTurns,
  of: UserRef,
  limit: number,
  maxBytes: number,
  read: (limit: number, after: number | undefined) => Promise<Part<T> | null>,
  offsetOf: (item: T) => number,
): Promise<Part<T> | null> => {
  const items: T[] = []
  let bytes = 0
  let chunk = FIRST_CHUNK
  let next: number | null = null
  while (items.length < limit) {
    const wanted = Math.min(chunk, limit - items.length)
    const average = items.length > 0 ? bytes / items.length : 0
    await turns.wait(of, wanted, wanted * average)
    const last = items.at(-1)
    const part = await read(wanted, last && offsetOf(last))
    if (!part) return null
    // Reads of many sessions may end in the same turn. So the messages that were read wait for a turn, too.
    await turns.wait(of, part.items.length, part.items.length * average)
    next = part.next
    for (const item of part.items) {
      bytes += Buffer.byteLength(JSON.stringify(item)) + 1
      const before = items.at(-1)
      // Messages that were read but do not fit are in the next page.
      if (bytes > maxBytes && before) return { items, next: offsetOf(before) }
      items.push(item)
    }
    if (part.items.length < wanted) break
    chunk = Math.max(1, Math.ceil((maxBytes - bytes) / (bytes / items.length)))
  }
  const last = items.at(-1)
  return { items, next: next !== null && last ? offsetOf(last) : next }
}
