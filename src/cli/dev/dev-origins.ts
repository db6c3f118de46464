import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'

/** The origin as browsers write it: without a default port, with brackets around IPv6. */
export const originOf = (host: string, port: number): string =>
  new URL(`http://${isIPv6(host) ? `[${host}]` : host}:${port}`).origin

/** Every origin that the playground's page can have. A phone opens it by an address of this machine. */
export const originsOf = (host: string, port: number): string[] => {
  const isWildcard = ['0.0.0.0', '::'].includes(host)
  const addresses = isWildcard ? Object.values(networkInterfaces()).flatMap((each) => each ?? []) : []
  const hosts = [host, 'localhost', '127.0.0.1', ...addresses.map(({ address }) => address)]
  return [...new Set(hosts.map((name) => originOf(name, port)))]
}
