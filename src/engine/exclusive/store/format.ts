import { EngineError } from '../../errors.js'
import { rows } from './rows.js'
import { put, read, type Operation, type Store } from './store.js'

/** The number of the format of the rows. A change that makes earlier rows unreadable raises the number. */
const FORMAT = 13

export const putFormat = (): Operation => put(rows.format, FORMAT)

/**
 * Returns whether the store has a format. A new store has none. Throws `unavailable` if this version can't read the rows. `where` names the
 * store in the error.
 */
export const checkFormat = (store: Store, where = "The engine's folder"): boolean => {
  const format = read(store, rows.format)
  if (format === FORMAT) return true
  // A store that has the engine's key, but no number, has the first format, which this version can't read.
  if (format === undefined && read(store, rows.key) === undefined) return false
  throw new EngineError(
    'unavailable',
    `${where} was written by another version of chat-session, and this one can't read it: use that version, or another folder.`,
  )
}
