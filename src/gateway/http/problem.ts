import type { ServerResponse } from 'node:http'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { EngineError } from '../../engine/index.js'
import { GatewayError } from '../errors.js'
import { crossOriginHeaders } from './cross-origin.js'
import { TOO_MANY_HEADERS } from './header-count.js'

/**
 * Returns whether a request failed because the engine is not available or the gateway is closing. The message of such an error must not be
 * sent, because an engine's message may name a file.
 */
export const isUnavailable = (error: unknown): boolean =>
  error instanceof EngineError || (error instanceof GatewayError && error.code === 'closed')

/** Returns an error response of RFC 9457, with a `code` for programs. */
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

/** Returns the response to a method that a path does not support. */
export const methodNotAllowed = (context: Context, allow: string): Response => {
  context.header('allow', allow)
  return problem(context, 405, 'method-not-allowed', `This address has the method ${allow}.`)
}

/** Refuses a request that reaches no route, and closes its socket. */
export const refuse = (
  response: ServerResponse,
  status: number,
  code: string,
  title: string,
  headers: Readonly<Record<string, string>> = {},
): void => {
  response
    .writeHead(status, { connection: 'close', 'content-type': 'application/problem+json', ...headers })
    .end(JSON.stringify({ status, code, title }))
}

/** Refuses a request from an address that has reached a limit of connections. */
export const refuseAddress = (response: ServerResponse): void =>
  refuse(response, 429, 'rate-limited', 'Too many connections from this address.', {
    ...crossOriginHeaders,
    'retry-after': '5',
  })

/** Refuses a request if Node may have left out some of its headers. */
export const refuseHeaders = (response: ServerResponse): void =>
  refuse(response, 431, 'too-large', TOO_MANY_HEADERS)
