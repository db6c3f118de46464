import type { RequestHead } from './request-head.js'

/** Returns the path of a request as the client sent it. Its target may be a whole URL (RFC 9112, 3.2.2). */
export const pathOf = (request: Pick<RequestHead, 'url'>): string =>
  /^(?:https?:\/\/[^/?#]*)?([^?#]*)/i.exec(request.url ?? '')?.[1] ?? ''

/** Returns the query of a request, without the question mark. */
export const queryOf = (request: Pick<RequestHead, 'url'>): string =>
  /\?([^#]*)/.exec(request.url ?? '')?.[1] ?? ''
