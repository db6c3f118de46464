import { engineRules } from '../../../rules.js'
import { ENTRY } from '../../fields.js'
import { whole } from '../context/text.js'
import { epochOf } from '../state/history.js'
import type { User } from '../users/user.js'

/*
 * The messages of an inbox, which is a Redis stream whose ids are the offsets.
 */

/** How many messages a command reads at most. A message may have 64 kB as JSON, so a command may read 1 MB. */
export const MAX_CHUNK = 16
/** How many messages and bytes `visitEntries` reads at most, because other calls wait while it reads. */
const MAX_VISITED = 512
const MAX_VISITED_BYTES = 262_144

const { message: MESSAGE, about: ABOUT } = ENTRY

/** How a message concerns the inbox's user (`ENTRY.about`). */
export type Kind = 'r' | 'x' | 's'

/** A message in an inbox. */
export interface Entry {
  readonly offset: number
  /** The message as JSON, without its offset. */
  readonly json: string
  /** `ENTRY.trace`; undefined if the message has none. */
  readonly trace: string | undefined
  /** The bytes that the message takes. */
  readonly size: number
  /** When the message was stored. */
  readonly at: number
  readonly kind: Kind
  /** The id of the other user; empty for the app's backend. */
  readonly peer: string
  /** The peer, if the peer has sent the message; null if the inbox's user has. */
  readonly from: string | null
}

/** Returns an entry of the stream as a message. */
const entryOf = (raw: StreamEntry): Entry => {
  const fields = raw[1]
  let message = ''
  let about = ''
  let trace: string | undefined
  for (let n = 0; n < fields.length; n += 2) {
    const field = fields[n]
    const value = fields[n + 1] ?? ''
    if (field === MESSAGE) message = value
    else if (field === ABOUT) about = value
    else trace = value
  }
  const [at, kind, peer = ''] = string.match(about, '^(%d+) (.)(.*)$')
  const [offset] = string.match(raw[0], '^%d+')
  return {
    offset: tonumber(offset) ?? 0,
    json: message,
    trace,
    size: message.length + engineRules.messageOverhead,
    at: tonumber(at) ?? 0,
    kind: kind as Kind,
    peer,
    from: kind === 's' ? null : peer,
  }
}

/** Returns at most `count` messages from one offset up to another. */
export const entries = ({ keys }: User, from: number, to: number, count: number): Entry[] =>
  redis
    .call('XRANGE', keys.inbox, `${whole(from)}-0`, `${whole(to)}-9`, 'COUNT', whole(count))
    .map((raw) => entryOf(raw))

/** Returns at most `count` of the newest messages from one offset up to another. The newest comes first. */
export const newestEntries = ({ keys }: User, from: number, to: number, count: number): Entry[] =>
  redis
    .call('XREVRANGE', keys.inbox, `${whole(to)}-9`, `${whole(from)}-0`, 'COUNT', whole(count))
    .map((raw) => entryOf(raw))

/**
 * Returns at most `count` messages after a position, and whether others after it are gone. `epoch` is the number of the position's epoch
 * (`history.ts`). A position of another epoch, or beyond the newest offset, counts as the one before the first message.
 */
export const readAfter = (
  user: User,
  epoch: number,
  offset: number,
  count: number,
): LuaMultiReturn<[found: Entry[], isLost: boolean]> => {
  const isComparable = epoch === epochOf(user) && offset <= user.newest
  const after = isComparable ? offset : 0
  const from = Math.max(after + 1, user.first)
  const found = from <= user.newest ? entries(user, from, user.newest, count) : []
  const first = found[0]?.offset ?? Math.max(from, user.newest + 1)
  return $multi(found, !isComparable || first > after + 1)
}

/**
 * Calls `stopsAt` with the messages from one offset up to another. Stops before a message for which `stopsAt` returns true, and after as
 * many messages as one script can read. Returns the last offset before the stop. Returns `to` if the inbox has no further message up to
 * there.
 */
export const visitEntries = (
  user: User,
  from: number,
  to: number,
  stopsAt: (entry: Entry) => boolean,
): number => {
  let last = from - 1
  let left = MAX_VISITED
  let bytes = 0
  while (last < to && left > 0 && bytes < MAX_VISITED_BYTES) {
    const chunk = entries(user, last + 1, to, Math.min(MAX_CHUNK, left))
    if (chunk.length === 0) return to
    for (const entry of chunk) {
      if (stopsAt(entry)) return last
      last = entry.offset
      bytes += entry.size
    }
    left -= chunk.length
  }
  return last
}
