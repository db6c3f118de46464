import type { IncomingMessage, Server } from 'node:http'

/** How many headers of a request Node keeps if a server sets no `maxHeadersCount`. Node leaves out further headers without an error. */
const DEFAULT_COUNT = 1_000

/**
 * Returns whether Node may have left out headers of a request, such as `Origin` or `X-Forwarded-For`. Such a request is refused. If Node
 * left out the `Content-Length` of an upgrade that is handled as a plain request, it would even read the body as the next request.
 */
export const mayLackHeaders = (
  { maxHeadersCount }: Pick<Server, 'maxHeadersCount'>,
  { rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>,
): boolean => {
  const most = maxHeadersCount ?? DEFAULT_COUNT
  // `rawHeaders` has the names and the values.
  return most > 0 && rawHeaders.length >= 2 * most
}

export const TOO_MANY_HEADERS = 'The request has too many headers.'
