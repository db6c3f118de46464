import type { Engine, InboxRange, Peer, PeerMessages, PeerPage, UserRef } from '../../engine/index.js'
import type { Message } from '../../protocol/index.js'
import type { MessageTurns } from './message-turns.js'
import { readWhatFits } from './read-what-fits.js'

interface Context {
  engine: Pick<Engine, 'messagesAfter' | 'messagesBefore' | 'messagesWith' | 'peers'>
  messageTurns: MessageTurns
}

/**
 * Reads messages with all peers, as many as `limit` and `maxBytes` allow, in the order of offsets. Resolves with null if a range that goes
 * backwards has another epoch.
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
  const messages = await readWhatFits<Message>(messageTurns, limit, maxBytes, async (count, last) => {
    if (isBackwards) {
      const offset = last?.offset ?? range.before
      // The newest messages come first, so that the oldest ones are left out if not all fit.
      return (await engine.messagesBefore(of, { epoch, offset }, count))?.reverse() ?? null
    }
    const offset = last?.offset ?? range.after
    const page = await engine.messagesAfter(of, { epoch, offset }, count)
    // For an offset beyond the newest one the engine returns all messages. Here no message comes after such an offset. If retention has
    // deleted messages since the last read, the page ends before the gap.
    const isGap = last !== undefined && page.lost
    return isGap ? [] : page.messages.filter((message) => message.offset > offset)
  })
  if (!messages) return null
  return isBackwards ? messages.reverse() : messages
}

/**
 * Reads messages with a peer, as many as `limit` and `maxBytes` allow. `offset` is the inbox's newest offset, from the read that was
 * nearest to the newest message. Resolves with null if the inbox has another epoch.
 */
export const readWith = async (
  { engine, messageTurns }: Context,
  of: UserRef,
  peer: string | null,
  range: InboxRange,
  limit: number,
  maxBytes: number,
): Promise<PeerMessages | null> => {
  const { epoch } = range
  const isBackwards = 'before' in range
  let [offset, count, next] = [0, 0, null as number | null]
  const messages = await readWhatFits<Message>(messageTurns, limit, maxBytes, async (wanted, last) => {
    const from: InboxRange = isBackwards
      ? { epoch, before: last?.offset ?? range.before }
      : { epoch, after: last?.offset ?? range.after }
    const page = await engine.messagesWith(of, peer, from, wanted)
    if (!page) return null
    // Backwards the first read is nearest to the newest message; forwards the last read is.
    if (!last || !isBackwards) offset = page.offset
    next = page.next
    count += page.messages.length
    return isBackwards ? page.messages.reverse() : page.messages
  })
  if (!messages) return null
  const last = messages.at(-1)
  // Messages that were read but do not fit are in the next page.
  if (last && (next !== null || count > messages.length)) next = last.offset
  return { messages: isBackwards ? messages.reverse() : messages, next, offset }
}

/**
 * Reads the peers of an inbox whose newest message is before an offset, or all, as many as `limit` and `maxBytes` allow. Resolves with null
 * if the inbox has another epoch.
 */
export const readPeers = async (
  { engine, messageTurns }: Context,
  of: UserRef,
  { epoch, before = Number.MAX_SAFE_INTEGER }: { epoch: string; before: number | undefined },
  limit: number,
  maxBytes: number,
): Promise<PeerPage | null> => {
  let [count, hasMore] = [0, false]
  const peers = await readWhatFits<Peer>(messageTurns, limit, maxBytes, async (wanted, last) => {
    const page = await engine.peers(of, { epoch, offset: last?.newest.offset ?? before }, wanted)
    if (!page) return null
    hasMore = page.next !== null
    count += page.peers.length
    return page.peers
  })
  if (!peers) return null
  const last = peers.at(-1)
  // Peers that were read but do not fit are in the next page.
  const next = last && (hasMore || count > peers.length) ? { epoch, offset: last.newest.offset } : null
  return { peers, next }
}
