import type { Message } from '../../../protocol/index.js'
import type { InboxPage, MessagePage, UnreadSenders, UserRef } from '../../engine.js'
import { engineRules } from '../../rules.js'
import type { Inbox } from './inbox.js'
import { messageRowOf, type MessageRow, type StoredMessage } from './inbox-row.js'
import type { Reads } from '../store/reads.js'
import { rows } from '../store/rows.js'
import type { Unread } from './unread/unread-checks.js'

/** How many rows `unreadSenders` reads at once. */
const ROWS_PER_READ = 128

export class InboxReader {
  readonly #reads: Reads
  readonly #open: (of: UserRef) => Inbox

  constructor(reads: Reads, open: (of: UserRef) => Inbox) {
    this.#reads = reads
    this.#open = open
  }

  async after(
    of: UserRef,
    { epoch, offset }: { epoch?: string | undefined; offset: number },
    limit: number,
  ): Promise<MessagePage> {
    const inbox = this.#open(of)
    const state = inbox.state()
    const { first, offset: newest } = inbox.durable
    const isComparable = (epoch === undefined || epoch === inbox.epoch) && offset <= newest
    const from = isComparable ? offset : 0
    // `lost` is computed from the messages that were read, because retention may have deleted some since `first` was read. So at least one
    // is read.
    const messages = await this.read(inbox, Math.max(from + 1, first), newest + 1, Math.max(1, limit))
    const next = messages[0]?.offset ?? newest + 1
    return { messages: messages.slice(0, limit), inbox: state, lost: !isComparable || next > from + 1 }
  }

  async before(of: UserRef, before: number | null, limit: number): Promise<InboxPage> {
    const inbox = this.#open(of)
    const state = inbox.state()
    const { first, offset: newest } = inbox.durable
    const messages = await this.read(inbox, first, Math.min(before ?? Infinity, newest + 1), limit, true)
    return { messages: messages.reverse(), inbox: state }
  }

  /** Reads the messages at offset `from` and later, before offset `to`. */
  async read(inbox: Inbox, from: number, to: number, limit: number, reverse = false): Promise<Message[]> {
    return (await this.rows(inbox, from, to, limit, reverse)).map(({ message }) => message)
  }

  /**
   * Looks for the oldest and the newest unread messages among the first and the last `engineRules.searchedForUnread` messages after
   * `readUpTo`. Resolves with null if it finds none.
   */
  async unread(of: UserRef): Promise<Unread | null> {
    const inbox = this.#open(of)
    const { marks, durable } = inbox
    const [from, to] = [Math.max(marks.readUpTo + 1, durable.first), durable.offset + 1]
    const { searchedForUnread, reportedUnread } = engineRules
    const isUnread = (row: MessageRow): boolean => inbox.isUnread(row)
    const [first, last] = await Promise.all([
      this.rows(inbox, from, to, searchedForUnread, false),
      this.rows(inbox, from, to, searchedForUnread, true),
    ])
    const oldest = first.find(isUnread) ?? last.findLast(isUnread)
    // The user may have marked the messages as read while the store was read.
    const state = inbox.state()
    if (!oldest || state.unread === 0 || !isUnread(oldest)) return null
    const newest = last.filter(isUnread).slice(0, reportedUnread).reverse()
    return {
      inbox: state,
      oldest: { ...oldest.message, at: oldest.at, deletions: inbox.deletions },
      // If all messages in `last` are the user's own, or marks of peers have reached them, the list has only `oldest`.
      newest: (newest.length > 0 ? newest : [oldest]).map(({ message }) => message),
    }
  }

  /** See `EnginePush.unreadSenders`. */
  async unreadSenders(of: UserRef, after: number, limit: number): Promise<UnreadSenders> {
    const inbox = this.#open(of)
    const { durable, marks } = inbox
    const end = durable.offset + 1
    const newest = new Map<string | null, UnreadSenders['messages'][number]>()
    let from = Math.max(after < end ? after + 1 : 1, marks.readUpTo + 1, durable.first)
    while (from < end) {
      const page = await this.rows(inbox, from, end, ROWS_PER_READ, false)
      for (const row of page) {
        const { from: sender, adopted } = row.message
        if (adopted || !inbox.isUnread(row)) continue
        // Without this deletion the sender would keep the place of its oldest message in the map.
        newest.delete(sender)
        const { message, traceparent } = row
        newest.set(sender, traceparent === undefined ? message : { ...message, traceparent })
      }
      from = page.length < ROWS_PER_READ ? end : (page.at(-1)?.message.offset ?? end) + 1
    }
    return { inbox: inbox.state(), messages: [...newest.values()].slice(0, limit) }
  }

  /** As `read`, but returns whole rows. */
  async rows(
    { stored: { ref } }: Inbox,
    from: number,
    to: number,
    limit: number,
    reverse: boolean,
  ): Promise<MessageRow[]> {
    if (from >= to) return []
    const range = { ...rows.messages(ref, from, to), reverse, limit: Math.min(limit, to - from) }
    const found = await this.#reads.all<StoredMessage>(range)
    return found.map(([key, stored]) => messageRowOf(rows.offsetOf(key), stored))
  }
}
