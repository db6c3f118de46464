import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'

/** As browsers write it: no default port, brackets around IPv6. */
export const originOf = (host: string, port: number): string =>
  new URL(`http://${isIPv6(host) ? `[${host}]` : host}:${port}`).origin

/** Every name under which a browser may have come to the playground: a phone comes by an address of this machine. */
export const originsOf = (host: string, port: number): string[] => {
  const everywhere = ['0.0.0.0', '::'].includes(host)
  const addresses = everywhere ? Object.values(networkInterfaces()).flatMap((each) => each ?? []) : []
  const hosts = [host, 'localhost', '127.0.0.1', ...addresses.map(({ address }) => address)]
  return [...new Set(hosts.map((name) => originOf(name, port)))]
}
