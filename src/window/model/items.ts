import type { DrawnMessage } from '../types.js'
import type { Outgoing, Thread } from './model.js'

/** A message of the thread, with its place among the others. */
export interface MessageItem {
  readonly kind: 'message'
  readonly key: string
  readonly message: DrawnMessage
  readonly isOwn: boolean
  /** Set while the message is not stored. */
  readonly outgoing?: Outgoing | undefined
  /** Whether the message follows one of the same author within minutes, and whether such a one follows it. */
  readonly isFirst: boolean
  readonly isLast: boolean
}

/** What the log shows, from top to bottom. */
export type Item =
  | MessageItem
  | { readonly kind: 'day'; readonly key: string; readonly at: number }
  | { readonly kind: 'new'; readonly key: string }

/** Messages of one author belong together if no more than five minutes are between them. */
const GROUP_GAP = 5 * 60_000

const drawn = new WeakMap<Outgoing, DrawnMessage>()

/** Returns the same message each time, because the page may have drawn it. */
const asMessage = (outgoing: Outgoing, from: string): DrawnMessage => {
  const { failure, ...sent } = outgoing
  const message = drawn.get(outgoing) ?? { ...sent, from, sender: null }
  drawn.set(outgoing, message)
  return message
}

/** `dayOf` returns the same value for all times of one day. `isDrawn` says whether a message shows anything. */
export const itemsOf = (
  { messages, outgoing, newAfter }: Thread,
  user: string,
  dayOf: (time: number) => unknown,
  isDrawn: (message: DrawnMessage) => boolean,
): Item[] => {
  const all: { message: DrawnMessage; outgoing?: Outgoing }[] = [
    ...messages.map((message) => ({ message })),
    ...outgoing.map((each) => ({ message: asMessage(each, user), outgoing: each })),
  ].filter(({ message }) => isDrawn(message))
  const days = all.map(({ message }) => dayOf(message.sentAt))
  const items: Item[] = []
  const keys = new Set<string>()
  let hasLine = false
  all.forEach(({ message, outgoing }, index) => {
    const isOwn = message.from === user
    const { offset = Infinity, sentAt } = message
    // An own message keeps its key when it is stored, so that it stays the same node. After an hour an id may come again.
    const byId = `own ${message.id}`
    const key = isOwn && !keys.has(byId) ? byId : `offset ${offset}`
    keys.add(key)
    if (days[index] !== days[index - 1]) items.push({ kind: 'day', key: `day of ${key}`, at: sentAt })
    const hasNewLine = !hasLine && newAfter !== undefined && !isOwn && offset > newAfter
    if (hasNewLine) items.push({ kind: 'new', key: 'new' })
    hasLine ||= hasNewLine
    const isWith = (place: number): boolean => {
      const other = all[place]?.message
      return (
        other?.from === message.from &&
        Math.abs(other.sentAt - sentAt) <= GROUP_GAP &&
        days[place] === days[index]
      )
    }
    items.push({
      kind: 'message',
      key,
      message,
      isOwn,
      outgoing,
      isFirst: hasNewLine || !isWith(index - 1),
      isLast: !isWith(index + 1),
    })
  })
  return items
}

/** How many messages a chunk has, but the first and the last one. */
const CHUNK_SIZE = 25

/** Items that the browser lays out and paints together, if one of them is in sight. */
export interface Chunk {
  readonly key: number
  readonly items: Item[]
}

/**
 * Splits the log into chunks. They are counted from `startOffset`, so that a message stays in its chunk when others are put above or below. A
 * line is in the chunk of the message below it.
 */
export const chunksOf = (items: readonly Item[], startOffset = 0): Chunk[] => {
  const isBefore = (item: Item): boolean =>
    item.kind === 'message' && (item.message.offset ?? Infinity) < startOffset
  const chunks: Chunk[] = []
  let place = 0 - items.filter(isBefore).length
  for (const item of items) {
    const key = Math.floor(place / CHUNK_SIZE)
    if (chunks.at(-1)?.key !== key) chunks.push({ key, items: [] })
    chunks.at(-1)?.items.push(item)
    if (item.kind === 'message') place += 1
  }
  return chunks
}
