import { isUtf8 } from 'node:buffer'
import { Hono, type Context } from 'hono'
import { errorMessages, clientFrames, type EndCode } from '../../../protocol/index.js'
import { object, optional, parseExact, text, wrongField } from '../../../protocol/internal.js'
import type { Peer } from '../../auth/authentication.js'
import type { PostedAnswer, PostedSends } from '../../sessions/messages/posted-sends.js'
import { crossOriginHeaders } from '../cross-origin.js'
import { isUnavailable, methodNotAllowed, problem } from '../problem.js'
import { receiveBody } from '../receive-body.js'
import type { RequestHead } from '../request-head.js'
import type { HttpEnv } from './routes.js'

const SEND_PATH = '/v1/session/send'

/** The most bytes of a body. When a page is left, browsers keep at most 64 KiB of its requests alive. */
const MAX_BODY = 61_440
/** The most messages of one post. */
const MAX_SENDS = 16

/** Milliseconds after which a client posts again, if the answer has no `retryAfter`. */
const RETRY_AFTER = 5_000

/** The HTTP statuses of the codes with which a whole post is refused. Every other code has 503. */
const statusOf: Partial<Record<EndCode, 400 | 401 | 403 | 404 | 408 | 413>> = {
  'bad-request': 400,
  unauthenticated: 401,
  'token-expired': 401,
  revoked: 401,
  'origin-refused': 403,
  'guests-refused': 403,
  'unknown-app': 404,
  timeout: 408,
  'too-large': 413,
}

type Refused = Extract<PostedAnswer, { ok: false }>

const refuse = (code: EndCode, why: string): Refused => ({ ok: false, code, why })

const proofFields = { appId: text, token: optional(text), signature: optional(text), userId: optional(text) }

/**
 * Returns the messages of a body, or why the body is refused. `sendPosted` applies the rules for messages. If it refuses a message, the
 * results say why.
 */
const parsePosted = (json: string): PostedSends | Refused => {
  let body: unknown
  try {
    body = parseExact(json)
  } catch {
    return refuse('bad-request', 'The body is not JSON.')
  }
  if (!object(body)) return refuse('bad-request', 'The body is not a JSON object.')
  const { appId, token, signature, userId, sends } = body
  const wrong = wrongField(proofFields, body)
  if (wrong !== undefined)
    return refuse('bad-request', `The body's '${wrong}' is missing or of the wrong type.`)
  if ((token === undefined) === (signature === undefined))
    return refuse('bad-request', "The body has exactly one of 'token' and 'signature'.")
  if (!Array.isArray(sends) || sends.length === 0 || sends.length > MAX_SENDS)
    return refuse('bad-request', `The body's 'sends' is a list of 1 to ${MAX_SENDS} messages.`)
  for (const send of sends as unknown[]) {
    const wrong = object(send) ? wrongField(clientFrames.send, send) : 'sends'
    if (wrong !== undefined)
      return refuse('bad-request', `A message's '${wrong}' is missing or of the wrong type.`)
  }
  return { appId, token, signature, userId, sends } as PostedSends
}

interface SendRouteContext {
  sendPosted(posted: PostedSends, json: string, peer: Peer): Promise<PostedAnswer>
  peerOf(head: RequestHead): Peer
}

/** Returns the route for messages without a session, from a page that is being left or from a service worker. */
export const createSendRoute = ({ sendPosted, peerOf }: SendRouteContext): Hono<HttpEnv> => {
  /** This is no async function, because such a function would keep the parsed messages for as long as they wait. */
  const parseAndSend = (json: string, peer: Peer): PostedAnswer | Promise<PostedAnswer> => {
    const posted = parsePosted(json)
    return 'ok' in posted ? posted : sendPosted(posted, json, peer)
  }

  const answerTo = async (context: Context<HttpEnv>): Promise<PostedAnswer> => {
    const { incoming } = context.env
    const body = await receiveBody(incoming, MAX_BODY)
    if (!body.ok) {
      // The client may still be sending the body.
      context.header('connection', 'close')
      if (body.why === 'too-large')
        return refuse('too-large', `A body has at most ${MAX_BODY} bytes: post fewer messages at once.`)
      return body.why === 'too-slow'
        ? refuse('timeout', 'The body was not sent to its end in time.')
        : refuse('bad-request', 'The body was not sent to its end.')
    }
    if (!isUtf8(body.bytes)) return refuse('bad-request', 'The body is not UTF-8.')
    try {
      return await parseAndSend(body.bytes.toString(), peerOf(incoming))
    } catch (error) {
      if (isUnavailable(error)) return refuse('unavailable', 'The gateway cannot answer now.')
      throw error
    }
  }

  const routes = new Hono<HttpEnv>()
  routes.use(SEND_PATH, async (context, next) => {
    for (const [name, value] of Object.entries(crossOriginHeaders)) context.header(name, value)
    await next()
  })
  routes.post(SEND_PATH, async (context) => {
    const answer = await answerTo(context)
    if (answer.ok) return context.json({ results: answer.results })
    const { code, why = errorMessages[code], retryAfter = RETRY_AFTER } = answer
    const status = statusOf[code] ?? 503
    if (status === 503) context.header('retry-after', String(Math.ceil(retryAfter / 1_000)))
    return problem(context, status, code, why)
  })
  routes.all(SEND_PATH, (context) => methodNotAllowed(context, 'POST'))
  return routes
}
