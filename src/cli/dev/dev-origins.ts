import type { IncomingMessage, OutgoingHttpHeaders, Server } from 'node:http'
import { isIPv6 } from 'node:net'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { isLoopback } from '../../gateway/internal.js'

/** Returns the origin as browsers write it: without a default port, and with brackets around IPv6. */
export const originOf = (host: string, port: number): string =>
  new URL(`http://${isIPv6(host) ? `[${host}]` : host}:${port}`).origin

/** Returns whether a server on `host` listens on every address of this machine. */
export const isEveryAddress = (host: string): boolean => ['0.0.0.0', '::'].includes(host)

const ownInterfaces = (): NetworkInterfaceInfo[] =>
  Object.values(networkInterfaces()).flatMap((each) => each ?? [])

/** Returns the addresses of this machine if a server on `host` listens on all of them; else none. A phone opens the page at one of them. */
const ownAddresses = (host: string): string[] =>
  isEveryAddress(host) ? ownInterfaces().map(({ address }) => address) : []

/** Returns the addresses at which other machines of the network reach this one. A link-local address of IPv6 opens in no browser. */
export const networkAddresses = (): string[] =>
  ownInterfaces()
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)

/** Returns every origin that the playground's page can have. */
export const originsOf = (host: string, port: number): string[] => {
  const hosts = [host, 'localhost', '127.0.0.1', ...ownAddresses(host)]
  return [...new Set(hosts.map((name) => originOf(name, port)))]
}

/** In `origins` of an app this origin stands for every page of this machine. Such a page may have any port, and no list has all ports. */
export const LOCAL_PAGE = 'http://page.localhost'

/**
 * Returns whether a page of this machine has this origin. `null`, which browsers send for a file, does not count: they also send it for an
 * iframe that any website can make. `file://`, which other programs send for a file, counts: no website can have it.
 */
const isLocalOrigin = (origin: string, host: string): boolean => {
  if (origin === 'file://') return true
  if (!URL.canParse(origin)) return false
  const { hostname } = new URL(origin)
  return isLoopback(hostname) || ownAddresses(host).includes(hostname.replace(/^\[|\]$/g, ''))
}

/**
 * Replaces the origin of a request from a page of this machine by `LOCAL_PAGE`, unless the origin is in `kept`. In the answer,
 * `access-control-allow-origin` has the page's own origin again, because browsers compare the header with that origin.
 */
export const nameLocalPages = (server: Server, host: string, kept: readonly string[]): void => {
  const isRenamed = ({ headers }: IncomingMessage): boolean => {
    const { origin } = headers
    if (origin === undefined || kept.includes(origin) || !isLocalOrigin(origin, host)) return false
    headers.origin = LOCAL_PAGE
    return true
  }
  server.prependListener('upgrade', isRenamed)
  server.prependListener('request', (request, response) => {
    const { origin } = request.headers
    if (!isRenamed(request)) return
    const name = 'access-control-allow-origin'
    const writeHead = response.writeHead.bind(response)
    const writeRenamed = (status: number, headers: OutgoingHttpHeaders = {}): typeof response =>
      writeHead(status, headers[name] === LOCAL_PAGE ? { ...headers, [name]: origin } : headers)
    Object.assign(response, { writeHead: writeRenamed })
  })
}
