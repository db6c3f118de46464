import type { IncomingMessage } from 'node:http'
import type { Peer } from '../auth/admission.js'

/**
 * Who sent a request. With `trustProxy` proxies in front, the client's address is the one that the outermost of them
 * saw: so many entries from the right of X-Forwarded-For, whose left end anybody can write.
 */
export const peerOf = (request: IncomingMessage, trustProxy: number): Peer => {
  const direct = request.socket.remoteAddress ?? 'unknown'
  const forwarded = [request.headers['x-forwarded-for'] ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((part) => part.trim())
  const address = trustProxy > 0 ? forwarded.at(-trustProxy) : undefined
  return { origin: request.headers.origin ?? null, address: address || direct }
}
