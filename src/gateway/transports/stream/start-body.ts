import { object } from '../../../protocol/internal.js'
import { receiveBody } from '../../http/receive-body.js'
import type { ReadableRequest } from '../../http/request-head.js'
import type { Slot } from '../../limits/connection-limits.js'
import { jsonOf } from './post.js'

export const STREAM_PATH = '/v1/session/stream'

/** The most bytes of a body. A body within this limit may still be too large for a frame. Then the stream reports the error. */
export const MAX_BODY = 131_072

/** The `start` frame, with which a stream begins. */
export interface Start {
  text: string
  bytes: number
  /** The app id in the frame; empty if there is none. */
  appId: string
}

/** The start of a stream that is refused for a limit. Nobody reads it. */
const NO_START: Start = { text: '', bytes: 0, appId: '' }

/** The answer to a request whose body is not what it should be. */
interface BadBody {
  status: 400 | 408 | 413
  code: 'bad-request' | 'timeout' | 'too-large'
  title: string
}

/** Returns the answer to a body that was not received. */
export const badBody = (why: 'too-large' | 'too-slow' | 'incomplete'): BadBody => {
  if (why === 'too-large')
    return { status: 413, code: 'too-large', title: `A body has at most ${MAX_BODY} bytes.` }
  return why === 'too-slow'
    ? { status: 408, code: 'timeout', title: 'The body was not sent to its end in time.' }
    : { status: 400, code: 'bad-request', title: 'The body was not sent to its end.' }
}

/**
 * Resolves with the `start` frame in a request's body, or with the answer to a body that has none. The body may take `startTimeout`
 * milliseconds. If a limit refuses the stream, also while its body is on the way, resolves at once: the stream says so itself.
 */
export const receiveStartBody = async (
  incoming: ReadableRequest,
  slot: Slot,
  startTimeout: number,
): Promise<Start | BadBody> => {
  const refused = new AbortController()
  slot.evict = (refusal) => {
    slot.refusal = refusal
    refused.abort()
  }
  if (slot.refusal) return NO_START
  const body = await receiveBody(incoming, MAX_BODY, { timeout: startTimeout, signal: refused.signal })
  if (refused.signal.aborted) return NO_START
  if (!body.ok) return badBody(body.why)
  const json = jsonOf(body.bytes)
  if (!json || !object(json.value))
    return { status: 400, code: 'bad-request', title: "The body is not a JSON object: send a 'start' frame." }
  const { appId } = json.value
  return { text: json.text, bytes: body.bytes.length, appId: typeof appId === 'string' ? appId : '' }
}
