import { Hono, type Context } from 'hono'
import { crossOriginHeaders, namedOriginHeaders } from '../../http/cross-origin.js'
import { isUnavailable, methodNotAllowed, problem } from '../../http/problem.js'
import { receiveBody } from '../../http/receive-body.js'
import type { HttpEnv } from '../../http/routes/routes.js'
import { parsePost } from './post.js'
import { badBody, MAX_BODY, STREAM_PATH } from './start-body.js'
import type { Streams } from './streams.js'

const FRAMES_PATH = '/v1/session/frames'

/** Seconds after which a client repeats a post if the gateway that has the stream could not be asked. */
const RETRY_AFTER = '1'

const setHeaders = (context: Context, headers: Readonly<Record<string, string>>): void => {
  for (const [name, value] of Object.entries(headers)) context.header(name, value)
}

/** Returns the routes of streams, except a POST to `STREAM_PATH`: the server of each runtime answers it with a stream. */
export const createStreamRoutes = ({ post }: Pick<Streams, 'post'>): Hono<HttpEnv> => {
  const routes = new Hono<HttpEnv>()
  routes.all(STREAM_PATH, (context) => {
    setHeaders(context, namedOriginHeaders(context.req.header('origin') ?? null))
    return methodNotAllowed(context, 'POST')
  })
  routes.all(FRAMES_PATH, async (context) => {
    setHeaders(context, crossOriginHeaders)
    if (context.req.method !== 'POST') return methodNotAllowed(context, 'POST')
    const { incoming } = context.env
    const body = await receiveBody(incoming, MAX_BODY)
    if (!body.ok) {
      const { status, code, title } = badBody(body.why)
      // The client may still be sending the body.
      context.header('connection', 'close')
      return problem(context, status, code, title)
    }
    const posted = parsePost(body.bytes)
    if (!posted)
      return problem(
        context,
        400,
        'bad-request',
        "The body is not an object with 'stream', 'seq' and 1 to 16 'frames'.",
      )
    try {
      const result = await post(posted, incoming.headers.origin ?? null)
      if (result === 'taken') return context.body(null, 204)
      return result === 'refused'
        ? problem(context, 403, 'refused', "The origin is none of the app's.")
        : problem(context, 404, 'not-found', 'The stream is unknown or has ended, or a post is missing.')
    } catch (error) {
      if (!isUnavailable(error)) throw error
      context.header('retry-after', RETRY_AFTER)
      return problem(context, 503, 'unavailable', 'The gateway that has the stream cannot be asked now.')
    }
  })
  return routes
}
