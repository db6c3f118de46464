import type { IncomingMessage } from 'node:http'
import type { Peer } from '../auth/admission.js'

/**
 * Returns the origin and the address of a request's client. With `trustProxy` proxies in front, the address is the one that
 * the outermost proxy saw: that many entries from the right of X-Forwarded-For. Clients can forge the entries before it.
 */
export const peerOf = (request: IncomingMessage, trustProxy: number): Peer => {
  const direct = request.socket.remoteAddress ?? 'unknown'
  const forwarded = [request.headers['x-forwarded-for'] ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((entry) => entry.trim())
  const address = trustProxy > 0 ? forwarded.at(-trustProxy) : undefined
  return { origin: request.headers.origin ?? null, address: address || direct }
}
