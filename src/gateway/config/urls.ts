import * as v from 'valibot'

/** Is this host name, as `URL` writes it, this machine's own? */
const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname.endsWith('.localhost') ||
  hostname === '[::1]' ||
  /^127(\.\d+){3}$/.test(hostname)

const isCallOutUrl = (given: string): boolean => {
  if (!URL.canParse(given)) return false
  const { protocol, hostname, username, password } = new URL(given)
  if (username || password) return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

const SENTENCE = 'must be an https URL without user and password; http is for this machine only'

/** An address that the gateway sends requests to. */
export const callOutUrl = v.pipe(v.string(SENTENCE), v.check(isCallOutUrl, SENTENCE))
