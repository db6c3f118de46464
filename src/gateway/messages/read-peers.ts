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
  const read = async (wanted: number, after: number | undefined) => {
    const part = await engine.peers(of, after ?? before ?? null, wanted)
    first ??= part
    if (part.inbox.epoch !== (epoch ?? first.inbox.epoch)) return null
    const items = await Promise.all(part.peers.map((peer) => withProfile(profiles, of.appId, peer)))
    return { items, next: part.next }
  }
  const page = await readWhatFits<Peer>(
    messageTurns,
    of,
    limit,
    maxBytes,
    read,
    ({ newest }) => newest.offset,
  )
  return page && first ? { peers: page.items, next: page.next, inbox: first.inbox } : null
}
