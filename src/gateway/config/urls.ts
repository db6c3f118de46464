import * as v from 'valibot'

/** Returns whether a host name or an address means this machine itself, so that other machines can't reach it. */
export const isLoopback = (hostname: string): boolean =>
  /^(.*\.)?localhost\.?$/i.test(hostname) ||
  hostname === '[::1]' ||
  hostname === '::1' ||
  /^127(\.\d+){3}$/.test(hostname)

const isOutboundUrl = (given: string): boolean => {
  if (!URL.canParse(given)) return false
  const { protocol, hostname, username, password } = new URL(given)
  if (username || password) return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

const URL_RULE = 'must be an https URL without user and password; http is for this machine only'

/** The schema of a URL to which the gateway sends requests. */
export const outboundUrl = v.pipe(v.string(URL_RULE), v.check(isOutboundUrl, URL_RULE))
