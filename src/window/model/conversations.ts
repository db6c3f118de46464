import type { Message, Peer, PeerId, PeersNext } from '../types.js'
import { withEntry, type Conversation, type Model } from './model.js'

/** Returns who a message was exchanged with: its sender, or its recipient if the user sent it. */
export const peerOf = ({ from, to }: Pick<Message, 'from' | 'to'>, user: string): PeerId =>
  from === user ? to : from

const newestOffset = ({ newest }: Conversation): number => newest?.offset ?? 0

const emptyConversation = (id: PeerId): Conversation => ({
  id,
  name: null,
  photoUrl: null,
  unread: 0,
  readOffset: 0,
  newest: undefined,
})

export const conversationOf = (model: Model, peer: PeerId): Conversation =>
  model.conversations.get(peer) ?? emptyConversation(peer)

const change = (model: Model, peer: PeerId, changed: Partial<Conversation>): Model => ({
  ...model,
  conversations: withEntry(model.conversations, peer, { ...conversationOf(model, peer), ...changed }),
})

/** Takes what `peers()` says of one peer, unless the window has heard of a newer message meanwhile. */
const merge = (known: Conversation | undefined, peer: Peer): Conversation => {
  if (known && newestOffset(known) > peer.newest.offset)
    return { ...known, name: peer.name ?? known.name, photoUrl: peer.photoUrl ?? known.photoUrl }
  // The gateway may have answered before it got this page's latest mark.
  const readOffset = Math.max(peer.readOffset, known?.readOffset ?? 0)
  return {
    ...peer,
    name: peer.name ?? known?.name ?? null,
    readOffset,
    unread: readOffset >= peer.newest.offset ? 0 : peer.unread,
  }
}

/**
 * Takes the list's first parts: `peers` are those with the newest messages, and `next` says where the list goes on. A conversation that the
 * list should have, and has not, is gone.
 */
export const listed = (model: Model, peers: readonly Peer[], next: PeersNext): Model => {
  const newest = peers[0]?.newest.offset ?? 0
  const isElsewhere = (conversation: Conversation): boolean => {
    const offset = newestOffset(conversation)
    return offset === 0 || offset > newest || (next !== undefined && offset < next.offset)
  }
  const kept = [...model.conversations.values()].filter(isElsewhere)
  const found = peers.map((peer) => merge(model.conversations.get(peer.id), peer))
  return {
    ...model,
    conversations: new Map([...kept, ...found].map((conversation) => [conversation.id, conversation])),
    isListed: true,
    next,
    listFailure: undefined,
  }
}

/** A message is now the newest one of its conversation, unless it is an older one. */
export const conversationReceived = (model: Model, message: Message): Model => {
  const peer = peerOf(message, model.user)
  const known = conversationOf(model, peer)
  if (message.offset <= newestOffset(known)) return model
  const isOwn = message.from === model.user
  return change(model, peer, {
    newest: message,
    // `peers()` knows the name better. This is for somebody who was not in the list.
    ...(!isOwn && {
      name: known.name ?? message.sender?.name ?? null,
      photoUrl: known.photoUrl ?? message.sender?.photoUrl ?? null,
    }),
    unread: isOwn || message.offset <= known.readOffset ? known.unread : known.unread + 1,
  })
}

/** The peer's messages up to `offset` are read. */
export const marked = (model: Model, peer: PeerId, offset: number): Model => {
  const known = conversationOf(model, peer)
  if (offset <= known.readOffset) return model
  return change(model, peer, {
    readOffset: offset,
    unread: offset >= newestOffset(known) ? 0 : known.unread,
  })
}

/** The page shows a conversation that may have no message yet. `name` is what the page calls the peer. */
export const introduced = (model: Model, peer: PeerId, name: string | null): Model =>
  change(model, peer, { name: conversationOf(model, peer).name ?? name })

/** The conversations whose name contains `search`, the one with the newest message first. */
export const sorted = (
  { conversations }: Model,
  search: string,
  nameOf: (conversation: Conversation) => string,
): Conversation[] => {
  const wanted = search.trim().toLocaleLowerCase()
  // A conversation without a message has just been opened.
  const order = (each: Conversation): number => each.newest?.offset ?? Infinity
  return [...conversations.values()]
    .filter((each) => nameOf(each).toLocaleLowerCase().includes(wanted))
    .sort((one, other) => (order(one) === order(other) ? 0 : order(other) - order(one)))
}
