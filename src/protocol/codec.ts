import { isDeepJson, MAX_JSON_DEPTH, parseExact } from './parse-json.js'
import { object, wrongField, type FrameOf, type FrameTable } from './schema.js'

export type Parsed<F> = { ok: true; frame: F } | { ok: false; why: string }

const bad = (why: string) => ({ ok: false, why }) as const

/**
 * Parses one frame, its `data` and `authParams` as `parseExact` does. Bad input is a result, never an exception. `why` has no part of the input, because the sender may see `why` and a log
 * may keep it.
 */
export const parse = <T extends FrameTable>(table: T, json: string): Parsed<FrameOf<T>> => {
  let value: unknown
  try {
    value = JSON.parse(json)
    // Only these fields hold numbers that an app stores or compares.
    if (object(value) && (value['data'] !== undefined || value['authParams'] !== undefined))
      value = parseExact(json, value)
  } catch {
    return bad('A frame is not JSON.')
  }
  if (!object(value)) return bad('A frame is not a JSON object.')
  const type = value['type']
  if (typeof type !== 'string') return bad("A frame has no 'type'.")
  if (!Object.hasOwn(table, type)) return bad("A frame's 'type' is unknown.")
  // A gateway checks the depth of a message's data later, so that it can refuse the message and keep the connection.
  if (type !== 'send' && isDeepJson(json)) return bad(`A frame is nested more than ${MAX_JSON_DEPTH} deep.`)
  const wrong = wrongField(table[type] ?? {}, value)
  if (wrong) return bad(`The field '${wrong}' of '${type}' is missing or of the wrong type.`)
  return { ok: true, frame: value as FrameOf<T> }
}
