import type { Message, PeerId } from '../types.js'
import { conversationOf, conversationReceived, peerOf } from './conversations.js'
import {
  changeThread,
  emptyModel,
  emptyThread,
  threadOf,
  withEntry,
  type Model,
  type Outgoing,
} from './model.js'

/** Returns both lists as one, in the order of the offsets. Of two messages with one offset the later one counts. */
const merged = (before: readonly Message[], added: readonly Message[]): readonly Message[] => {
  const byOffset = new Map([...before, ...added].map((message) => [message.offset, message]))
  return [...byOffset.values()].sort((one, other) => one.offset - other.offset)
}

/** Adds messages to a thread. An own one that is stored waits no more. */
const withMessages = (model: Model, peer: PeerId, messages: readonly Message[]): Model => {
  const thread = threadOf(model, peer)
  const isStored = ({ id }: Outgoing): boolean =>
    messages.some((message) => message.id === id && message.from === model.user)
  return changeThread(model, peer, {
    messages: merged(thread.messages, messages),
    outgoing: thread.outgoing.filter((each) => !isStored(each)),
  })
}

/** The thread is shown. The line "new" stands where reading stopped. */
export const opened = (model: Model, peer: PeerId): Model => {
  const { unread, readOffset } = conversationOf(model, peer)
  return changeThread(model, peer, { newAfter: unread ? readOffset : undefined })
}

/** The thread is not shown any more. */
export const closed = (model: Model, peer: PeerId): Model =>
  changeThread(model, peer, { newAfter: undefined })

/** A part of the history has come: the newest messages, or those before the first one. `limit` is how many were asked for. */
export const loaded = (model: Model, peer: PeerId, messages: readonly Message[], limit: number): Model =>
  changeThread(withMessages(model, peer, messages), peer, {
    isLoaded: true,
    startOffset: threadOf(model, peer).startOffset ?? messages[0]?.offset,
    hasOlder: messages.length >= limit,
    failure: undefined,
  })

/** A message came, from the peer or as the copy of an own one. `isSeen`: the user is looking at the end of its thread. */
export const received = (before: Model, message: Message, isSeen: boolean): Model => {
  const peer = peerOf(message, before.user)
  const model = conversationReceived(before, message)
  const ended = message.from === model.user ? model : typed(model, peer, 0)
  const thread = ended.threads.get(peer)
  // The history of a thread that was never opened is loaded when it is.
  if (!thread) return ended
  const { unread } = conversationOf(ended, peer)
  const isFirstNew = unread === 1 && message.from !== model.user && !isSeen && thread.newAfter === undefined
  return changeThread(withMessages(ended, peer, [message]), peer, {
    newAfter: isFirstNew ? message.offset - 1 : thread.newAfter,
  })
}

/** The user has sent a message, or sends one again that has failed. It is drawn after those that are stored. */
export const queued = (model: Model, message: Outgoing): Model => {
  const { outgoing } = threadOf(model, message.to)
  return changeThread(model, message.to, {
    outgoing: [...outgoing.filter(({ id }) => id !== message.id), { ...message, failure: undefined }],
    // Who answers has read.
    newAfter: undefined,
  })
}

/** The gateway has stored an own message. */
export const stored = (
  model: Model,
  { failure, ...message }: Outgoing,
  { offset, sentAt }: Pick<Message, 'offset' | 'sentAt'>,
): Model => {
  // The gateway's own copy may have come before, perhaps with other words.
  if (threadOf(model, message.to).messages.some((each) => each.offset === offset)) return model
  return received(model, { ...message, from: model.user, sender: null, offset, sentAt }, true)
}

export const failed = (model: Model, to: string, failedId: string, failure: string): Model =>
  changeThread(model, to, {
    outgoing: threadOf(model, to).outgoing.map((message) =>
      message.id === failedId ? { ...message, failure } : message,
    ),
  })

/** The peer types until then (Unix time in milliseconds). A time that has passed ends it. */
export const typed = (model: Model, peer: PeerId, until: number): Model => ({
  ...model,
  typing: withEntry(model.typing, peer, until),
})

/** What the gateway had is gone, or has another order: what is not stored yet stays. */
export const lost = ({ user, threads }: Model): Model => ({
  ...emptyModel(user),
  threads: new Map([...threads].map(([peer, { outgoing }]) => [peer, { ...emptyThread, outgoing }])),
})
