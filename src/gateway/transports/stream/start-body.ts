import { object } from '../../../protocol/internal.js'
import { receiveBody } from '../../http/receive-body.js'
import type { ReadableRequest } from '../../http/request-head.js'
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

/** The answer to a request that opens no stream. */
interface BadRequest {
  status: 400 | 413
  code: 'bad-request' | 'too-large'
  title: string
}

/** Returns the answer to a body that was not received. */
export const badBody = (why: 'too-large' | 'too-slow' | 'incomplete'): BadRequest =>
  why === 'too-large'
    ? { status: 413, code: 'too-large', title: `A body has at most ${MAX_BODY} bytes.` }
    : { status: 400, code: 'bad-request', title: 'The body was not sent to its end in time.' }

/** Resolves with the `start` frame in a request's body, or with the answer to a body that has none. */
export const receiveStartBody = async (incoming: ReadableRequest): Promise<Start | BadRequest> => {
  const body = await receiveBody(incoming, MAX_BODY)
  if (!body.ok) return badBody(body.why)
  const json = jsonOf(body.bytes)
  if (!json || !object(json.value))
    return { status: 400, code: 'bad-request', title: "The body is not a JSON object: send a 'start' frame." }
  const { appId } = json.value
  return { text: json.text, bytes: body.bytes.length, appId: typeof appId === 'string' ? appId : '' }
}
