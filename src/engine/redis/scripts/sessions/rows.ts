import type { SessionRow } from '../../sessions/session-row.js'
import { script } from '../context/context.js'
import { json, whole } from '../context/text.js'
import type { User } from '../users/user.js'

/*
 * The rows of a user's sessions, which are in the hash `sessions`, and how many of these sessions make the user online.
 */

/** A row that the script has read or made. */
export interface LoadedRow extends SessionRow {
  /** The session's id, which is not part of the JSON. */
  id: string
}

/** Rows by the ids of their sessions. */
export type Rows = Partial<Record<string, LoadedRow>>

const HOUR = 3_600_000
/** A session has fewer starts. */
const EVERY_START = 1_000_000_000

let rows: Rows | undefined
let areChanged = false
let total = 0
let onlineCount = 0
/** For each session, whether it makes the user online. */
let isOnline: Partial<Record<string, boolean>> = {}

export const beginRows = (): void => {
  rows = undefined
  areChanged = false
}

/** Notes that what follows from the rows (`finish`) may have changed. */
export const noteChange = (): void => {
  areChanged = true
}

export const haveChanged = (): boolean => areChanged

/** Corrects the counts after a row has changed. `row` is undefined if the row is removed. */
const tally = (id: string, row?: LoadedRow): void => {
  const was = isOnline[id]
  if (was !== undefined) {
    total--
    if (was) onlineCount--
    isOnline[id] = undefined
  }
  if (row === undefined) return
  const is = row.offline !== true
  isOnline[id] = is
  total++
  if (is) onlineCount++
}

/** Makes rows from a list in which the JSON of each row follows the session's id. */
const loadRows = (list: readonly string[]): Rows => {
  const loaded: Rows = {}
  total = 0
  onlineCount = 0
  isOnline = {}
  for (let n = 0; n + 1 < list.length; n += 2) {
    const id = list[n] ?? ''
    const row = cjson.decode(list[n + 1] ?? '') as LoadedRow
    row.id = id
    loaded[id] = row
    tally(id, row)
  }
  rows = loaded
  return loaded
}

/** Returns the user's rows. */
export const sessions = (): Rows => rows ?? loadRows(redis.call('HGETALL', script.keys.sessions))

/** Returns a row for which `is` returns true. */
export const find = (is: (row: LoadedRow) => boolean): LoadedRow | undefined => {
  for (const [, row] of pairs(sessions())) if (is(row)) return row
  return undefined
}

/**
 * Makes rows from a page of the hash. Returns whether the page has all rows. If it has not, the number of all rows, and whether the user is
 * online, come from what is stored.
 */
export const loadPage = (list: readonly string[], user: User): boolean => {
  loadRows(list)
  const others = redis.call('HLEN', script.keys.sessions) - total
  if (others === 0) return true
  total += others
  if (user.online !== undefined) onlineCount++
  return false
}

/** Returns whether the user is online, and the number of sessions, including what this script has changed. */
export const presence = (user: User): LuaMultiReturn<[online: boolean, total: number]> => {
  if (rows !== undefined) return $multi(onlineCount > 0, total)
  return $multi(user.online !== undefined, redis.call('HLEN', script.keys.sessions))
}

/** Returns the JSON of a row. */
const encode = (row: { id?: string | undefined }): string => {
  const { id } = row
  row.id = undefined
  const text = json(row)
  row.id = id
  return text
}

/** Writes a row. Returns its JSON. If the caller passes the JSON, `row` needs only the fields that the script still reads. */
export const put = (row: LoadedRow, text: string = encode(row)): string => {
  sessions()[row.id] = row
  tally(row.id, row)
  noteChange()
  redis.call('HSET', script.keys.sessions, row.id, text)
  return text
}

/** Deletes a row. */
export const drop = (id: string): void => {
  sessions()[id] = undefined
  tally(id)
  noteChange()
  redis.call('HDEL', script.keys.sessions, id)
}

/**
 * Notes an id in `tombs`, for `duration` milliseconds at least: a start of this session, by this connection, or with this token
 * (`tokenHash`) comes too late. The default is an hour, because after an outage of Redis a node may make the start of a session again. With
 * `starts`, only the session's starts up to this number come too late.
 */
export const bury = (name: string, duration: number = HOUR, starts: number = EVERY_START): void => {
  const { tombs } = script.keys
  redis.call('HSET', tombs, name, `${whole(starts)} ${whole(script.now + duration)}`)
  if (redis.call('PTTL', tombs) < duration) redis.call('PEXPIRE', tombs, duration)
  // The key lives as long as sessions of the user go on to end. So with each new note the script looks at two notes at random, and deletes
  // those whose time is over. Then the key has about twice as many notes as still count.
  const some = redis.call('HRANDFIELD', tombs, 2, 'WITHVALUES')
  for (let n = 0; n + 1 < some.length; n += 2) {
    const until = tonumber(string.match(some[n + 1] ?? '', '%d+$')[0])
    if (until !== undefined && until <= script.now) redis.call('HDEL', tombs, some[n] ?? '')
  }
}

/** Returns up to which start of a session the starts come too late; undefined if `tombs` has no note of the session. */
export const buriedStarts = (id: string): number | undefined => {
  const note = redis.call('HGET', script.keys.tombs, id)
  return note === false ? undefined : tonumber(string.match(note, '^%S+')[0])
}
