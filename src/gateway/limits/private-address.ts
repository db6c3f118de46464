import { BlockList, isIP } from 'node:net'

const ranges = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  ranges.addSubnet(network, bits, 'ipv4')
for (const [network, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  ranges.addSubnet(network, bits, 'ipv6')

/** Returns whether an address is this machine's own, or one of a network that the internet does not route to. */
export const isPrivateAddress = (address: string): boolean => {
  const plain = address.replace(/%.*$/, '')
  const family = isIP(plain)
  // An IPv4 address in IPv6 (`::ffff:127.0.0.1`) is compared with the ranges of IPv4, too.
  return family !== 0 && ranges.check(plain, family === 4 ? 'ipv4' : 'ipv6')
}
