import type { ServerResponse } from 'node:http'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** An error response as RFC 9457 describes it, with a `code` for programs. */
export const problem = (
  context: Context,
  status: ContentfulStatusCode,
  code: string,
  title: string,
): Response => context.json({ status, code, title }, status, { 'content-type': 'application/problem+json' })

/** Returns the response to a request that has no valid URL: its target or its `Host` header can't be parsed. */
export const badTarget = (): Response => {
  const body = {
    status: 400,
    code: 'bad-request',
    title: "The request's address or its Host header is not valid.",
  }
  return new Response(JSON.stringify(body), {
    status: 400,
    headers: { 'content-type': 'application/problem+json' },
  })
}

/** Refuses a request before it is routed, and closes its socket. */
export const refuseRequest = (response: ServerResponse): void => {
  const body = { status: 429, code: 'rate-limited', title: 'Too many connections from this address.' }
  response
    .writeHead(429, { connection: 'close', 'content-type': 'application/problem+json', 'retry-after': '5' })
    .end(JSON.stringify(body))
}
