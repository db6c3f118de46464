import { EngineError } from '../errors.js'
import type { SessionRef, UserRef } from '../engine.js'

export type Operation = { type: 'put'; key: string; value: string } | { type: 'del'; key: string }

export interface Range {
  gte: string
  lt: string
  reverse?: boolean
  limit?: number
}

/** What is used of abstract-level's interface: rows in the order of their keys, keys and values being UTF-8. */
export interface Store {
  /** One row is read in place: that takes a few microseconds, where a trip to another thread takes tens of them. */
  getSync(key: string): string | undefined
  iterator(range: Range): { all(): Promise<[string, string][]> }
  /** All or nothing. With `sync` it resolves once a power cut can't undo it, and nobody reads it before. */
  batch(operations: Operation[], options: { sync: boolean }): Promise<void>
  close(): Promise<void>
}

/** A store and what is known of where it lies. */
export interface Volume {
  store: Store
  /** Whether sessions are written down: for an engine that ends with its process that would be for nobody. */
  isPersistent: boolean
  /** Tells this place from a copy of it. */
  identity: string
  /** Rejects while there is no room to open the store again after a failed write. */
  probe(): Promise<void>
}

/** User ids and app ids hold no control characters, so that no id can reach into its neighbour's rows. */
const SEPARATOR = '\0'
const AFTER_SEPARATOR = '\x01'

/** As many digits as the largest safe integer has, so that numbers sort as texts. */
const DIGITS = 16

export const keyOf = (...parts: string[]): string => parts.join(SEPARATOR)

export const padded = (number: number): string => String(number).padStart(DIGITS, '0')

/** The key without its last part. A range of rows never reaches beyond those that share it. */
export const groupOf = (key: string): string => key.slice(0, Math.max(key.lastIndexOf(SEPARATOR), 0))

/** The last part of a key. */
export const lastOf = (key: string): string => key.slice(key.lastIndexOf(SEPARATOR) + 1)

const below = (...parts: string[]): Range => {
  const prefix = keyOf(...parts)
  return { gte: prefix + SEPARATOR, lt: prefix + AFTER_SEPARATOR }
}

/** The key of every row there is. */
export const rows = {
  key: 'key',
  epoch: 'epoch',
  user: ({ appId, userId }: UserRef) => `user\0${appId}\0${userId}`,
  session: ({ sessionId }: SessionRef) => keyOf('session', sessionId),
  allSessions: below('session'),
  inbox: ({ appId, userId }: UserRef) => `inbox\0${appId}\0${userId}`,
  /** The inboxes of an app after one of them, or from the first. */
  inboxesAfter: (appId: string, row: string | undefined): Range => {
    const all = below('inbox', appId)
    return row === undefined ? all : { ...all, gte: row + AFTER_SEPARATOR }
  },
  message: ({ appId, userId }: UserRef, offset: number) => `message\0${appId}\0${userId}\0${padded(offset)}`,
  /** The messages from one offset up to, and without, another. */
  messages: (of: UserRef, from: number, to: number): Range => ({
    gte: rows.message(of, from),
    lt: rows.message(of, to),
  }),
  usage: (appId: string) => keyOf('usage', appId),
  /** The sender's id stands last: it may be any text. */
  sent: (draft: { appId: string; from: string | null; to: string; id: string }) =>
    `sent\0${draft.appId}\0${draft.from ?? ''}\0${draft.to}\0${draft.id}`,
  /** Sent ids by the time until which they count; `name` tells those of one time apart. */
  sentUntil: (time: number, name: string) => keyOf('until', padded(time) + name),
  /** Those whose time has come. */
  sentBefore: (time: number): Range => ({ ...below('until'), lt: keyOf('until', padded(time)) }),
  sentFrom: (time: number): Range => ({ ...below('until'), gte: keyOf('until', padded(time)) }),
  timeOf: (sentUntilRow: string): number => Number(lastOf(sentUntilRow).slice(0, DIGITS)),
} as const

export const put = (key: string, value: unknown): Operation => ({
  type: 'put',
  key,
  // Now rather than when the batch is written: what is kept is what the value was when it was given.
  value: JSON.stringify(value),
})

export const del = (key: string): Operation => ({ type: 'del', key })

const unreadable = (cause: unknown): EngineError =>
  new EngineError('unavailable', "What the engine keeps can't be read.", { cause })

/** What was put there, or undefined. */
export const read = (store: Store, key: string): unknown => {
  try {
    const json = store.getSync(key)
    return json === undefined ? undefined : JSON.parse(json)
  } catch (cause) {
    throw unreadable(cause)
  }
}

/** The rows of a range, in the order of their keys, or backwards. */
export const readAll = async <T>(store: Store, range: Range): Promise<[string, T][]> => {
  try {
    const found = await store.iterator(range).all()
    return found.map(([key, json]) => [key, JSON.parse(json) as T])
  } catch (cause) {
    throw unreadable(cause)
  }
}
