import type { IncomingMessage, Server } from 'node:http'

/** If a server sets no `maxHeadersCount`, Node reads so many headers of a request, and leaves out the others without an error. */
const DEFAULT_COUNT = 1_000

/**
 * Returns whether Node may have left out headers of a request. They could be `Origin` or `X-Forwarded-For`. They could also be the
 * `Content-Length` of an upgrade that is handed back to Node as a plain request. Then Node would read the body as another request.
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
