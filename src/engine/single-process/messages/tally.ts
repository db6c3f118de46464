import type { Message } from '../../../protocol/index.js'
import { directions, type Direction } from '../../util/peer-index.js'

/** How many messages of an inbox share one tally. The last of them is at an offset that this number divides. */
export const MESSAGES_PER_TALLY = 64

/**
 * Whom the messages of a tally are with: the ids of the peers, null for the app's backend, and how many bytes the messages from each have.
 * `codes` has a character for each offset up to the last message. Some offsets may have no message.
 */
export type TallyRow = [peers: (string | null)[], bytes: number[], codes: string]

/**
 * The character of the first peer's first direction. The next two characters are those of the other directions, then come those of the
 * second peer. The character before stands for an offset without a message.
 */
const FIRST_CODE = 0x24
const DIRECTIONS = 3

/**
 * V8 copies texts of up to so many characters when it joins them. Of longer ones it keeps the parts, 32 bytes for each: in every inbox in
 * memory the parts of a tally would take 2 kB.
 */
const SHORT = 12

/** Returns the peer of a message in `owner`'s inbox. */
export const peerOf = (owner: string, { from, to }: Pick<Message, 'from' | 'to'>): string | null =>
  from === owner ? to : from

export const directionOf = (owner: string, { from }: Pick<Message, 'from'>, isRead: boolean): Direction =>
  from === owner ? directions.sent : isRead ? directions.read : directions.received

/** Returns the offset of the last message of the tally to which an offset belongs. */
export const tallyEnd = (offset: number): number =>
  offset + ((MESSAGES_PER_TALLY - (offset % MESSAGES_PER_TALLY)) % MESSAGES_PER_TALLY)

/** Calls `visit` with each message of a tally, in their order. `end` is the offset at the end of the tally. */
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
 * Notes whom an inbox's messages are with. When a tally is full, it becomes a row. So finding the peers of an inbox, and deleting the
 * messages of a tally, read one row instead of one for each message.
 */
export class Tally {
  readonly #owner: string
  #peers: (string | null)[] = []
  #bytes: number[] = []
  #codes = ''
  /** The codes after those, at most `SHORT`. */
  #newest = ''
  /** The index of the latest peer. Most messages have the same peer as the one before. */
  #latest = 0

  constructor(owner: string, stored?: TallyRow) {
    this.#owner = owner
    if (!stored) return
    const [peers, bytes, codes] = stored
    this.#peers = peers
    this.#bytes = bytes
    this.#codes = codes
  }

  /** The unfinished tally; undefined if it has no message. */
  get stored(): TallyRow | undefined {
    const codes = this.#codes + this.#newest
    return codes === '' ? undefined : [this.#peers, this.#bytes, codes]
  }

  /** Adds a message of `size` bytes. Returns the row of its tally if it is the last one, and begins the next tally. */
  add(
    offset: number,
    message: Pick<Message, 'from' | 'to'>,
    isRead: boolean,
    size: number,
  ): TallyRow | undefined {
    const direction = directionOf(this.#owner, message, isRead)
    const index = this.#indexOf(peerOf(this.#owner, message))
    if (direction !== directions.sent) this.#bytes[index] = (this.#bytes[index] ?? 0) + size
    const missing = ((offset - 1) % MESSAGES_PER_TALLY) - this.#codes.length - this.#newest.length
    if (missing > 0) this.#newest += String.fromCharCode(FIRST_CODE - 1).repeat(missing)
    this.#newest += String.fromCharCode(FIRST_CODE + DIRECTIONS * index + direction)
    if (this.#newest.length >= SHORT) {
      this.#codes += this.#newest
      this.#newest = ''
    }
    return offset % MESSAGES_PER_TALLY === 0 ? this.take() : undefined
  }

  /** Returns the unfinished tally as a row, and begins the next one. */
  take(): TallyRow | undefined {
    const row = this.stored
    this.#peers = []
    this.#bytes = []
    this.#codes = ''
    this.#newest = ''
    return row
  }

  #indexOf(id: string | null): number {
    const peers = this.#peers
    if (peers[this.#latest] === id) return this.#latest
    const known = peers.indexOf(id)
    this.#latest = known < 0 ? peers.length : known
    if (known < 0) {
      // `push` would allocate memory for 16 more peers, in each inbox in memory.
      this.#peers = peers.concat([id])
      this.#bytes = this.#bytes.concat(0)
    }
    return this.#latest
  }
}

/** Returns the bytes of the messages from others from one offset up to, but not including, another, by sender. */
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
