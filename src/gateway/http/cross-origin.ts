/**
 * The headers of an answer that pages of other origins read. The request has its credentials in its body. So cookies have no effect, and
 * any origin may read the answer. Proxies must neither store the answer nor delay a part of it.
 */
export const crossOriginHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'retry-after',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}

/** Matches what a header may have. Browsers send no other origin, but a lenient HTTP parser passes on any bytes. */
const HEADER_TEXT = /^[\x20-\x7e]+$/

/** Returns the headers of the answer to a request that may have cookies. Such an answer must name the origin, if the request has one. */
export const namedOriginHeaders = (origin: string | null): Readonly<Record<string, string>> => ({
  ...crossOriginHeaders,
  vary: 'origin',
  ...(origin !== null &&
    HEADER_TEXT.test(origin) && {
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
    }),
})
