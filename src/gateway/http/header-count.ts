import type { IncomingMessage, Server } from 'node:http'

/** How many headers of a request Node keeps if a server sets no `maxHeadersCount`. It leaves out the others without an error. */
const DEFAULT_COUNT = 1_000

/**
 * Returns whether Node may have left out headers of a request. They could be `Origin` or `X-Forwarded-For`. If the request asks for
 * an upgrade and is handled as a plain request, one of them could be `Content-Length`: then Node would take the body for the next request.
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
