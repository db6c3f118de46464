import type { Engine, InboxRange, Peer, PeerMessages, PeerPage, UserRef } from '../../engine/index.js'
import type { Message } from '../../protocol/index.js'
import type { KnownProfiles } from './known-profiles.js'
import type { MessageTurns } from './message-turns.js'
import { readWhatFits } from './read-what-fits.js'

interface Context {
  engine: Pick<Engine, 'peers' | 'messagesWith'>
  messageTurns: MessageTurns
}

interface PeersContext extends Context {
  profiles: KnownProfiles
}

/** Returns the peer with the name and the photo that its user has now; those of the peer's newest message if the user has neither. */
const withProfile = async (profiles: KnownProfiles, appId: string, peer: Peer): Promise<Peer> => {
  const known = peer.id === null ? null : await profiles.of({ appId, userId: peer.id })
  return known ? { ...peer, name: known.name ?? null, photoUrl: known.photoUrl ?? null } : peer
}

/**
 * Reads messages with a peer, as many as `limit` and `maxBytes` allow. The result's `offset` is the inbox's newest offset at the time when
 * the page's newest messages were read. Resolves with null if the inbox has another epoch than `range`, and so numbers its messages anew.
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
  const messages = await readWhatFits<Message>(messageTurns, of, limit, maxBytes, async (wanted, last) => {
    const from: InboxRange = isBackwards
      ? { epoch, before: last?.offset ?? range.before }
      : { epoch, after: last?.offset ?? range.after }
    const page = await engine.messagesWith(of, peer, from, wanted)
    if (!page) return null
    // The page's newest messages come from the first read if it is read backwards, and otherwise from the last.
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
 * Reads an inbox's peers with their present names, or only those whose newest message is before an offset, as many as `limit` and `maxBytes` allow. Resolves with
 * null if `epoch` is no longer the inbox's epoch.
 */
export const readPeers = async (
  { engine, messageTurns, profiles }: PeersContext,
  of: UserRef,
  { epoch, before = Number.MAX_SAFE_INTEGER }: { epoch: string; before: number | undefined },
  limit: number,
  maxBytes: number,
): Promise<PeerPage | null> => {
  let [count, hasMore] = [0, false]
  const peers = await readWhatFits<Peer>(messageTurns, of, limit, maxBytes, async (wanted, last) => {
    const page = await engine.peers(of, { epoch, offset: last?.newest.offset ?? before }, wanted)
    if (!page) return null
    hasMore = page.next !== null
    count += page.peers.length
    return Promise.all(page.peers.map((peer) => withProfile(profiles, of.appId, peer)))
  })
  if (!peers) return null
  const last = peers.at(-1)
  // Peers that were read but do not fit are in the next page.
  const next = last && (hasMore || count > peers.length) ? { epoch, offset: last.newest.offset } : null
  return { peers, next }
}
