import type { Engine, InboxRange, PeerMessages, UserRef } from '../../engine/index.js'
import type { Message } from '../../protocol/index.js'
import type { MessageTurns } from './message-turns.js'
import { readWhatFits } from './read-what-fits.js'

interface Context {
  engine: Pick<Engine, 'messagesAfter' | 'messagesBefore' | 'messagesWith'>
  messageTurns: MessageTurns
}

/** Which messages of an inbox are read. */
export type MessageRange = InboxRange & {
  /** The epoch in which the range's offset counts. @default the epoch that the inbox has */
  epoch?: string | undefined
  /** Reads only the messages from and to this peer; null for the app's backend. @default messages with any peer */
  peer?: string | null | undefined
}

/** Reads a part of a page. `isFirst`: whether the part is the first that is read. */
const readPart = async (
  engine: Context['engine'],
  of: UserRef,
  peer: string | null | undefined,
  range: InboxRange,
  limit: number,
  isFirst: boolean,
): Promise<PeerMessages> => {
  if (peer !== undefined) return engine.messagesWith(of, peer, range, limit)
  if ('before' in range) {
    const page = await engine.messagesBefore(of, range.before, limit)
    const first = page.messages[0]?.offset ?? 1
    return { ...page, next: first > 1 ? first : null, newest: page.inbox.offset }
  }
  const { after } = range
  const { inbox, lost, ...page } = await engine.messagesAfter(of, { offset: after }, limit)
  const newest = inbox.offset
  // If retention has deleted messages since the last read, the page ends before the gap.
  if (lost && !isFirst) return { inbox, messages: [], next: after, newest }
  // For an offset beyond the newest one the engine returns all messages, and the filter keeps none.
  const messages = page.messages.filter(({ offset }) => offset > after)
  const last = messages.at(-1)?.offset ?? newest
  return { inbox, messages, next: last < newest ? last : null, newest }
}

/**
 * Reads a page of an inbox's messages, as many as `limit` and `maxBytes` allow. A page of messages before an offset has no `next` if it is
 * empty or begins with offset 1. Resolves with null if the inbox has another epoch than `range`, and so numbers its messages anew.
 */
export const readMessages = async (
  { engine, messageTurns }: Context,
  of: UserRef,
  range: MessageRange,
  limit: number,
  maxBytes: number,
): Promise<PeerMessages | null> => {
  const isBackwards = 'before' in range
  let { epoch } = range
  let shown: PeerMessages | undefined
  const read = async (wanted: number, last: number | undefined) => {
    const from: InboxRange = isBackwards ? { before: last ?? range.before } : { after: last ?? range.after }
    const part = await readPart(engine, of, range.peer, from, wanted, last === undefined)
    epoch ??= part.inbox.epoch
    // The user may have been deleted meanwhile. Then the part has messages of another inbox.
    if (part.inbox.epoch !== epoch) return null
    // The page's newest messages come from the first read if it is read backwards, and otherwise from the last.
    if (!shown || !isBackwards) shown = part
    return { items: isBackwards ? part.messages.reverse() : part.messages, next: part.next }
  }
  const page = await readWhatFits<Message>(messageTurns, of, limit, maxBytes, read, ({ offset }) => offset)
  if (!page || !shown) return null
  const { items, next } = page
  const { inbox, newest } = shown
  return { messages: isBackwards ? items.reverse() : items, next, inbox, newest }
}
