import * as v from 'valibot'
import { parseJson } from '../../../protocol/internal.js'
import { CallError } from '../errors.js'

/**
 * Returns the cursor of a list's next page. `position` identifies the row after which the next page begins. A cursor that counted rows
 * would skip or repeat a row after a deletion or an insertion.
 */
export const encodeCursor = (position: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(position)).toString('base64url')

const BAD_CURSOR =
  "The query's 'cursor' is not one of this list: send the 'next' of the page before, or leave it out for the first page."

/** Returns the position in a cursor. Throws a `CallError` of code `bad-request` if the position does not fit `schema`. */
export const decodeCursor = <S extends v.GenericSchema>(schema: S, cursor: string): v.InferOutput<S> => {
  try {
    return v.parse(schema, parseJson(Buffer.from(cursor, 'base64url').toString()))
  } catch {
    throw new CallError('bad-request', BAD_CURSOR)
  }
}
