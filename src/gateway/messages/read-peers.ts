import type { Engine, Peer, PeerPage, UserRef } from '../../engine/index.js'
import type { KnownProfiles } from './known-profiles.js'
import type { MessageTurns } from './message-turns.js'
import { readWhatFits } from './read-what-fits.js'

interface Context {
  engine: Pick<Engine, 'peers'>
  messageTurns: MessageTurns
  profiles: KnownProfiles
}

/** Returns the peer with the name and the photo that its user has now; those of the peer's newest message if the user has neither. */
const withProfile = async (profiles: KnownProfiles, appId: string, peer: Peer): Promise<Peer> => {
  const known = peer.id === null ? null : await profiles.of({ appId, userId: peer.id })
  return known ? { ...peer, name: known.name ?? null, photoUrl: known.photoUrl ?? null } : peer
}

/**
 * Reads an inbox's peers with their present names, or only those whose newest message is before an offset, as many as `limit` and
 * `maxBytes` allow. Resolves with null if the inbox has another epoch than `epoch`.
 */
export const readPeers = async (
  { engine, messageTurns, profiles }: Context,
  of: UserRef,
  { before, epoch }: { before?: number | undefined; epoch?: string | undefined },
  limit: number,
  maxBytes: number,
): Promise<PeerPage | null> => {
  let first: PeerPage | undefined
  let [count, next] = [0, null as number | null]
  const peers = await readWhatFits<Peer>(messageTurns, of, limit, maxBytes, async (wanted, last) => {
    const part = await engine.peers(of, last?.newest.offset ?? before ?? null, wanted)
    first ??= part
    if (part.inbox.epoch !== (epoch ?? first.inbox.epoch)) return null
    next = part.next
    count += part.peers.length
    return Promise.all(part.peers.map((peer) => withProfile(profiles, of.appId, peer)))
  })
  if (!peers || !first) return null
  const last = peers.at(-1)
  // Peers that were read but do not fit are in the next page.
  if (last && (next !== null || count > peers.length)) next = last.newest.offset
  return { peers, next, inbox: first.inbox }
}
