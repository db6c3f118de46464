import type { Message } from '../../../protocol/index.js'
import { rows, type InboxRef } from '../store/rows.js'
import { read, type Store } from '../store/store.js'
import type { StoredMessage } from './inbox-row.js'
import { directionOf, directions, type Direction } from '../../decide/messages/inbox.js'

/**
 * A tally covers this many successive offsets of an inbox, and has the peer of the message at each of them. Its last offset is a multiple
 * of this number.
 */
export const MESSAGES_PER_TALLY = 64

/**
 * `peers` are the ids of the tally's peers, null for the app's backend. `bytes` says how many
 * bytes the messages from each of them have. `codes`, in Base64, has a byte for each offset, also for one without a message.
 */
export type TallyRow = [peers: (string | null)[], bytes: number[], codes: string]

/**
 * The code of an offset without a message. The code of a message is above it: `DIRECTIONS` codes for each peer, one for each direction
 * (sent, received or read).
 */
const NONE = 0
const DIRECTIONS = 3

/** What a tally notes of a message. */
export interface Tallied {
  message: Pick<Message, 'from' | 'to'>
  isRead: boolean
  /** In bytes. */
  size: number
}

/** Returns the peer of a message in `owner`'s inbox. */
export const peerOf = (owner: string, { from, to }: Pick<Message, 'from' | 'to'>): string | null =>
  from === owner ? to : from

/** Returns the last offset of the tally to which an offset belongs. */
export const tallyEnd = (offset: number): number =>
  offset + ((MESSAGES_PER_TALLY - (offset % MESSAGES_PER_TALLY)) % MESSAGES_PER_TALLY)

/** Calls `visit` with each message of a tally, in the order of the offsets. `end` is the tally's last offset. */
export const visitTally = (
  end: number,
  [peers, , codes]: TallyRow,
  visit: (offset: number, peer: string | null, direction: Direction) => void,
): void => {
  for (const [n, code] of Buffer.from(codes, 'base64').entries()) {
    if (code === NONE) continue
    const peer = peers[Math.floor((code - 1) / DIRECTIONS)] ?? null
    visit(end - MESSAGES_PER_TALLY + 1 + n, peer, ((code - 1) % DIRECTIONS) as Direction)
  }
}

/**
 * Notes the peer of each message of an inbox. When a tally is full, it becomes a row. To find the peers of an inbox, or the senders of
 * deleted messages, the engine then reads one row for each tally, and not one for each message.
 */
export class Tally {
  readonly #owner: string
  #peers: (string | null)[] = []
  #bytes: number[] = []
  #codes: Uint8Array | undefined
  /** How many of the tally's first offsets are not noted, because the inbox was opened behind them. */
  #missing: number

  /** `newest` is the newest offset of the inbox. */
  constructor(owner: string, newest: number) {
    this.#owner = owner
    this.#missing = newest % MESSAGES_PER_TALLY
  }

  /**
   * Adds a message. If the message is the last of its tally, returns the tally's row, and begins the next tally. `rowAt` returns earlier
   * messages, which the tally perhaps has to note.
   */
  add(offset: number, added: Tallied, rowAt: (offset: number) => Tallied | undefined): TallyRow | undefined {
    this.#note(offset, added)
    if (offset % MESSAGES_PER_TALLY > 0) return undefined
    for (let n = offset - MESSAGES_PER_TALLY + 1; this.#missing > 0; this.#missing--, n++) {
      const row = rowAt(n)
      if (row) this.#note(n, row)
    }
    return this.take()
  }

  /** Returns the tally so far as a row; undefined if it is empty. Begins the next tally. */
  take(): TallyRow | undefined {
    const codes = this.#codes
    if (!codes) return undefined
    const row: TallyRow = [this.#peers, this.#bytes, Buffer.from(codes).toString('base64')]
    this.#peers = []
    this.#bytes = []
    this.#codes = undefined
    this.#missing = 0
    return row
  }

  #note(offset: number, { message, isRead, size }: Tallied): void {
    const direction = directionOf(this.#owner, message.from, isRead)
    const index = this.#indexOf(peerOf(this.#owner, message))
    if (direction !== directions.sent) this.#bytes[index] = (this.#bytes[index] ?? 0) + size
    this.#codes ??= new Uint8Array(MESSAGES_PER_TALLY)
    this.#codes[(offset - 1) % MESSAGES_PER_TALLY] = 1 + DIRECTIONS * index + direction
  }

  /** Returns the index of a peer, which it adds if need be. */
  #indexOf(id: string | null): number {
    const index = this.#peers.lastIndexOf(id)
    if (index >= 0) return index
    this.#bytes.push(0)
    return this.#peers.push(id) - 1
  }
}

/**
 * Returns how many bytes the stored messages of an inbox at offsets `from` to `end - 1` have, by sender. The owner's and the backend's
 * messages are left out.
 */
export const bytesBySender = (
  store: Store,
  inbox: InboxRef,
  from: number,
  end: number,
): Map<string, number> => {
  const bytes = new Map<string, number>()
  const add = (sender: string | null, more: number): void => {
    if (sender !== null && sender !== inbox.userId && more > 0)
      bytes.set(sender, (bytes.get(sender) ?? 0) + more)
  }
  for (let offset = from; offset < end; offset++) {
    const last = offset + MESSAGES_PER_TALLY - 1
    const isWhole = last < end && last % MESSAGES_PER_TALLY === 0
    const tally = isWhole ? (read(store, rows.tally(inbox, last)) as TallyRow | undefined) : undefined
    if (tally) {
      const [senders, sums] = tally
      for (const [n, sender] of senders.entries()) add(sender, sums[n] ?? 0)
      offset = last
    } else {
      const row = read(store, rows.message(inbox, offset)) as StoredMessage | undefined
      if (row) add(row[5].from, row[3])
    }
  }
  return bytes
}
