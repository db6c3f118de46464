import { BlockList, isIP } from 'node:net'

const listOf = (...networks: string[]): BlockList => {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    list.addSubnet(address, Number(bits), isIP(address) === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

const local = listOf(
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.168.0.0/16', '::/127', 'fc00::/7', 'fe80::/10'],
)

/** IPv6 addresses of the internet (RFC 4291, 2.4). */
const unicast = listOf('2000::/3')

/**
 * Further ranges in which no public server has an address: for protocols, examples, tests, multicast and translated addresses (IANA).
 */
const special = listOf(
  ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/3', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
)

/** Returns whether an address belongs to this machine, or to a network to which the internet does not route. */
export const isPrivateAddress = (address: string): boolean => {
  const plain = address.replace(/%.*$/, '')
  const family = isIP(plain)
  // `check` compares an IPv4 address in IPv6 (`::ffff:127.0.0.1`) with the ranges of IPv4, too.
  return family !== 0 && local.check(plain, family === 4 ? 'ipv4' : 'ipv6')
}

/** Returns whether a server on the internet can have this address. */
export const isPublicAddress = (address: string): boolean => {
  if (address.includes('%') || isPrivateAddress(address)) return false
  const family = isIP(address)
  if (family === 4) return !special.check(address, 'ipv4')
  return family === 6 && unicast.check(address, 'ipv6') && !special.check(address, 'ipv6')
}
