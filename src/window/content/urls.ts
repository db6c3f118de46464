const localHosts = ['localhost', '127.0.0.1', '[::1]']

/**
 * Returns an address that the window may link to or load, as the browser writes it: https, or http on this machine. Undefined for every
 * other value, and for an address with a user name, which would hide its host.
 */
export const safeUrl = (value: unknown): string | undefined => {
  if (typeof value !== 'string') return undefined
  try {
    const { protocol, hostname, username, password, href } = new URL(value)
    const isAllowed = protocol === 'https:' || (protocol === 'http:' && localHosts.includes(hostname))
    return isAllowed && !username && !password ? href : undefined
  } catch {
    return undefined
  }
}
