/**
 * The headers of an answer that pages of other origins read. Every request has its own proof in its body, so cookies do nothing and any
 * origin may read the answer. Proxies must neither keep the answer nor hold a part of it back.
 */
export const crossOriginHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'retry-after',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}
