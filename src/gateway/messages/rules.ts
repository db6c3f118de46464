import type { CheckedMessage } from '../../engine/index.js'
import { isUserId, limits, type RefusalCode } from '../../protocol/index.js'
import { formatPath } from '../config/fields.js'
import { INEXACT_PROBLEM, pathOfInexact } from '../limits/exact-numbers.js'
import { isTooDeep, DEPTH_PROBLEM } from '../limits/json-depth.js'

/** Why a message is not valid. Of the client's input `why` repeats at most keys of `data`. */
export interface MessageProblem {
  code: Extract<RefusalCode, 'bad-request' | 'too-large'>
  why: string
}

export const bad = (why: string): MessageProblem => ({ code: 'bad-request', why })
export const tooLarge = (why: string): MessageProblem => ({ code: 'too-large', why })

/** Returns the problem of data with a number that would be stored as another one; undefined for other data. */
export const numberProblem = (data: unknown): MessageProblem | undefined => {
  const path = pathOfInexact(data)
  return path && bad(`The field '${formatPath(['data', ...path])}' ${INEXACT_PROBLEM}`)
}

/** The most bytes of a `peers` frame with one peer, without body and data: ids, and the sender's profile in the peer and in the message. */
const FRAME_OVERHEAD = 11_264
const MAX_CONTENT_JSON = limits.frame - FRAME_OVERHEAD
/** The most bytes that a byte of text takes as JSON, and the bytes of `{"body":"","data":}`. */
const MAX_ESCAPE = 6
const CONTENT_OVERHEAD = 19

/**
 * Returns whether a text has 1 to `max` characters of well-formed Unicode. A character has one or two code units. UTF-8 replaces lone
 * surrogates, so that two different texts with lone surrogates could become the same one.
 */
export const isShortText = (text: string, max: number): boolean =>
  text !== '' &&
  text.length <= 2 * max &&
  (text.length <= max || Array.from(text).length <= max) &&
  !/\p{Surrogate}/u.test(text)

/** Returns the problem of a message; undefined if it is valid. `maySend`, `authorizeSend` and the engine check the app's rules. */
export const checkMessage = ({
  id,
  to,
  body,
  data,
}: Omit<CheckedMessage, 'appId' | 'from'>): MessageProblem | undefined => {
  if (!isShortText(id, limits.messageId))
    return bad(`A message's 'id' is 1 to ${limits.messageId} characters of well-formed Unicode.`)
  if (!isUserId(to)) return bad("A message's 'to' is not a valid user id.")
  if (body === undefined && data === undefined) return bad("A message needs a 'body', 'data' or both.")
  if (isTooDeep(data)) return bad(DEPTH_PROBLEM)
  const inexact = numberProblem(data)
  if (inexact) return inexact
  const size = Buffer.byteLength(body ?? '') + (data ? Buffer.byteLength(JSON.stringify(data)) : 0)
  if (size > limits.message)
    return tooLarge(`A message's body and data have at most ${limits.message} bytes together.`)
  // JSON escapes a control character as six bytes, and the message must fit into one frame. Most messages would fit even if each of their
  // bytes were escaped, so only the JSON of larger ones is measured.
  return size * MAX_ESCAPE > MAX_CONTENT_JSON - CONTENT_OVERHEAD &&
    Buffer.byteLength(JSON.stringify({ body, data })) > MAX_CONTENT_JSON
    ? tooLarge(`A message's body and data have at most ${MAX_CONTENT_JSON} bytes together as JSON.`)
    : undefined
}
