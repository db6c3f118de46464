import type { Message } from '../../../protocol/index.js'
import { directionOf, directions, type Direction } from '../../decide/messages/inbox.js'

/**
 * A tally covers this many successive offsets of an inbox, and has the peer of the message at each of them. Its last offset is a multiple
 * of this number.
 */
export const MESSAGES_PER_TALLY = 64

/**
 * `peers` are the ids of the tally's peers, null for the app's backend. A peer may be in this list more than once. `bytes` says how many
 * bytes the messages from each of them have. `codes` has a character for each offset, also for one without a message, up to the last
 * message.
 */
export type TallyRow = [peers: (string | null)[], bytes: number[], codes: string]

/**
 * The character for the first peer and the first direction (sent, received or read). Each peer has `DIRECTIONS` successive characters. The
 * character before `FIRST_CODE` stands for an offset without a message.
 */
const FIRST_CODE = 0x24
const DIRECTIONS = 3

/**
 * An unfinished tally is in the inbox's row only if it covers at least this many offsets. With a tally in each row, storing a message took
 * 6% longer with a million users, and opening the engine after a crash took twice as long. If an inbox was loaded from a row without a
 * tally, the tally's first messages are read again when it covers this many offsets.
 */
const MIN_STORED = 16

/**
 * The peer of a message is looked for only among this many of the latest peers. In an inbox with many peers, a search among all of them
 * would take a tenth of the time that storing a message takes.
 */
const LATEST_PEERS = 4

/** Up to this many peers are kept in arrays without room for more. `push` would make room for 16 more in each inbox in memory. */
const FEW_PEERS = 8

/**
 * V8 copies texts of up to this many characters when it joins them. If the joined text is longer, V8 keeps its parts, which take 32 bytes
 * each. With a part for each code, a tally would take 2 kB in every inbox in memory. So new codes are gathered in `#newest`.
 */
const SHORT = 12

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
  for (let n = 0; n < codes.length; n++) {
    const code = codes.charCodeAt(n) - FIRST_CODE
    if (code < 0) continue
    const peer = peers[Math.floor(code / DIRECTIONS)] ?? null
    visit(end - MESSAGES_PER_TALLY + 1 + n, peer, (code % DIRECTIONS) as Direction)
  }
}

/**
 * Notes the peer of each message of an inbox. When a tally is full, it becomes a row. To find the peers of an inbox, or the senders of
 * deleted messages, the engine then reads one row for each tally, and not one for each message.
 *
 * A tally keeps no map of peers, no list with spare room, and no text in many parts. If it did, and if the rows of inboxes and users had
 * names of fields, a user with an inbox of forty messages would take 60% more memory, and a message between a million users 8% more time.
 */
export class Tally {
  readonly #owner: string
  #peers: (string | null)[] = []
  #bytes: number[] = []
  #codes = ''
  /** The codes after those in `#codes`. */
  #newest = ''
  /** How many of the tally's first messages are missing, because the inbox's row had no tally. */
  #missing = 0

  /** `newest` is the newest offset of the inbox, and `stored` the tally in its row. */
  constructor(owner: string, newest: number, stored?: TallyRow) {
    this.#owner = owner
    if (!stored) {
      this.#missing = newest % MESSAGES_PER_TALLY
      return
    }
    const [peers, bytes, codes] = stored
    this.#peers = peers
    this.#bytes = bytes
    this.#codes = codes
  }

  /** The unfinished tally as it is in the inbox's row; undefined if the row has none. */
  get stored(): TallyRow | undefined {
    return this.#codes.length + this.#newest.length < MIN_STORED ? undefined : this.#row
  }

  get #row(): TallyRow {
    return [this.#peers, this.#bytes, this.#codes + this.#newest]
  }

  /** Returns whether `complete` has to be called before the message at `offset` is added. */
  isIncompleteAt(offset: number): boolean {
    return this.#missing > 0 && (offset - 1) % MESSAGES_PER_TALLY >= MIN_STORED - 1
  }

  /** Adds the missing first messages. */
  complete(offset: number, rowAt: (offset: number) => Tallied | undefined): void {
    const missing = this.#missing
    const later = (this.#codes + this.#newest).slice(missing)
    this.#codes = ''
    this.#newest = ''
    const before = tallyEnd(offset) - MESSAGES_PER_TALLY
    for (let n = 1; n <= missing; n++) {
      const row = rowAt(before + n)
      if (row) this.add(before + n, row)
    }
    this.#padTo(missing)
    this.#codes += this.#newest + later
    this.#newest = ''
    this.#missing = 0
  }

  /** Adds a message. If the message is the last of its tally, returns the tally's row, and begins the next tally. */
  add(offset: number, { message, isRead, size }: Tallied): TallyRow | undefined {
    const direction = directionOf(this.#owner, message.from, isRead)
    const index = this.#indexOf(peerOf(this.#owner, message))
    if (direction !== directions.sent) this.#bytes[index] = (this.#bytes[index] ?? 0) + size
    this.#padTo((offset - 1) % MESSAGES_PER_TALLY)
    this.#newest += String.fromCharCode(FIRST_CODE + DIRECTIONS * index + direction)
    if (this.#newest.length >= SHORT) {
      this.#codes += this.#newest
      this.#newest = ''
    }
    return offset % MESSAGES_PER_TALLY === 0 ? this.take() : undefined
  }

  /** Returns the tally so far as a row; undefined if it is empty. Begins the next tally. */
  take(): TallyRow | undefined {
    const row = this.#row
    this.#peers = []
    this.#bytes = []
    this.#codes = ''
    this.#newest = ''
    this.#missing = 0
    return row[2] === '' ? undefined : row
  }

  /** Notes that the next offsets have no message, until the tally covers `length` offsets. */
  #padTo(length: number): void {
    const absent = length - this.#codes.length - this.#newest.length
    if (absent > 0) this.#newest += String.fromCharCode(FIRST_CODE - 1).repeat(absent)
  }

  /** Returns the index of a peer. Adds the peer unless it is among the `LATEST_PEERS` latest ones. */
  #indexOf(id: string | null): number {
    const peers = this.#peers
    const count = peers.length
    for (let index = count - 1; index >= 0 && index >= count - LATEST_PEERS; index--)
      if (peers[index] === id) return index
    if (count < FEW_PEERS) {
      this.#peers = peers.concat([id])
      this.#bytes = this.#bytes.concat(0)
    } else {
      peers.push(id)
      this.#bytes.push(0)
    }
    return count
  }
}

/**
 * Returns how many bytes the messages at offsets `from` to `end - 1` have, by sender. The owner's and the backend's messages are left out.
 */
export const bytesBySender = (
  owner: string,
  from: number,
  end: number,
  rowAt: (offset: number) => { message: Pick<Message, 'from'>; size: number } | undefined,
  tallyAt: (end: number) => TallyRow | undefined,
): Map<string, number> => {
  const bytes = new Map<string, number>()
  const add = (sender: string | null, more: number): void => {
    if (sender !== null && sender !== owner && more > 0) bytes.set(sender, (bytes.get(sender) ?? 0) + more)
  }
  for (let offset = from; offset < end; offset++) {
    const last = offset + MESSAGES_PER_TALLY - 1
    const tally = last < end && last % MESSAGES_PER_TALLY === 0 ? tallyAt(last) : undefined
    if (tally) {
      const [senders, sums] = tally
      for (const [n, sender] of senders.entries()) add(sender, sums[n] ?? 0)
      offset = last
    } else {
      const row = rowAt(offset)
      if (row) add(row.message.from, row.size)
    }
  }
  return bytes
}
