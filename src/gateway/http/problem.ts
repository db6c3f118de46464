import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** An error response as RFC 9457 describes it, with a `code` for programs. */
export const problem = (
  context: Context,
  status: ContentfulStatusCode,
  code: string,
  title: string,
): Response => context.json({ status, code, title }, status, { 'content-type': 'application/problem+json' })
