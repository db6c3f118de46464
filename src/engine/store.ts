import { EngineError } from './errors.js'
import type { SessionRef, UserRef } from './engine.js'

export type Operation = { type: 'put'; key: string; value: string } | { type: 'del'; key: string }

/** What is used of abstract-level's interface: rows in the order of their keys, keys and values being UTF-8. */
export interface Store {
  get(key: string): Promise<string | undefined>
  /** All or nothing. With `sync` it resolves once a power cut can't undo it, and nobody reads it before. */
  batch(operations: Operation[], options: { sync: boolean }): Promise<void>
  clear(range: { gt: string; lt: string }): Promise<void>
  close(): Promise<void>
}

/** Ids hold no control characters, so that no id can reach into its neighbour's rows. */
const SEPARATOR = '\0'
const AFTER_SEPARATOR = '\x01'

export const keyOf = (...parts: string[]): string => parts.join(SEPARATOR)

/** The key of every row there is. */
export const rows = {
  key: 'key',
  user: ({ appId, userId }: UserRef) => keyOf('user', appId, userId),
  session: ({ appId, userId, sessionId }: SessionRef) => keyOf('session', appId, userId, sessionId),
  allSessions: { gt: `session${SEPARATOR}`, lt: `session${AFTER_SEPARATOR}` },
} as const

export const put = (key: string, value: unknown): Operation => ({
  type: 'put',
  key,
  // Now rather than when the batch is written: what is kept is what the value was when it was given.
  value: JSON.stringify(value),
})

export const del = (key: string): Operation => ({ type: 'del', key })

export const read = async <T>(store: Store, key: string): Promise<T | undefined> => {
  try {
    const json = await store.get(key)
    return json === undefined ? undefined : (JSON.parse(json) as T)
  } catch (cause) {
    throw new EngineError('unavailable', "What the engine keeps can't be read.", { cause })
  }
}
