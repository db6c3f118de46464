import { isLoopback, isPrivateAddress } from '../../gateway/internal.js'
import { findingsAbout, type Finding } from '../report.js'

/** The address spaces of Chrome's Local Network Access, the most public one first. */
const spaces = ['on the internet', 'in a private network', 'on the user’s own machine'] as const

const spaceOf = (address: string): number => (isLoopback(address) ? 2 : isPrivateAddress(address) ? 1 : 0)

/**
 * Returns a finding about Chrome's Local Network Access. Chrome compares the page's address with that of the gateway. If the gateway has
 * several addresses, Chrome may connect to any of them, so the most private one counts.
 */
export const checkAddressSpace = (
  gateway: readonly string[],
  page: { url: URL; addresses: readonly string[] },
): Finding => {
  const finding = findingsAbout('private')
  const gatewaySpace = Math.max(...gateway.map(spaceOf))
  if (gatewaySpace <= Math.min(...page.addresses.map(spaceOf)))
    return finding.ok('Chrome lets the page reach the gateway without asking the user')
  const what = `the gateway is ${spaces[gatewaySpace] ?? ''} (${gateway.join(', ')}), and the page is not`
  return page.url.protocol === 'https:'
    ? finding.warn(
        `${what}: Chrome asks each user for permission; give the gateway an address as public as the page's, or see docs/BROWSERS.md`,
      )
    : finding.fail(
        `${what}: Chrome refuses that to pages with plain HTTP; serve the page with https, or give the gateway an address as public as the page's`,
      )
}
