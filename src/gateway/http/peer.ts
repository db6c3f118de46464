import type { Peer } from '../auth/authentication.js'
import type { RequestHead } from './request-head.js'

const pick = ({ headers }: RequestHead, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, [headers[name]].flat().join(', ')]])),
  )

/** Matches an address with a port, and an IPv6 address in brackets. Some proxies append one of these in place of the plain address. */
const WITH_PORT = /^(?:(\d+\.\d+\.\d+\.\d+):\d+|\[([^\]]+)\](?::\d+)?)$/

/** Returns the address in the entry of X-Forwarded-For at this position, counted from the right. */
const forwardedAddress = ({ headers }: RequestHead, fromRight: number): string | undefined => {
  const entry = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',').at(-fromRight)?.trim()
  const [, v4, v6] = WITH_PORT.exec(entry ?? '') ?? []
  // If the port were kept, each connection of a client would count as an address of its own.
  return v4 ?? v6 ?? entry
}

/**
 * Returns the origin and the address of a request's client. If `trustProxy` proxies are in front, the outermost proxy has appended the
 * client's address to X-Forwarded-For. This entry is at position `trustProxy` from the right. Clients can forge the entries before it. Of
 * the other headers only those that `forwardHeaders` names are kept.
 */
export const peerOf = (
  request: RequestHead,
  trustProxy: number,
  forwardHeaders: readonly string[] = [],
): Peer => {
  const direct = request.socket.remoteAddress ?? 'unknown'
  const address = trustProxy > 0 ? forwardedAddress(request, trustProxy) : undefined
  const peer = { origin: request.headers.origin ?? null, address: address || direct }
  return forwardHeaders.length > 0 ? { ...peer, headers: pick(request, forwardHeaders) } : peer
}
