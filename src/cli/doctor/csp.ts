/** The sources of each directive, by its name. If a policy names a directive twice, the first one counts (CSP Level 3, 2.2.1). */
export type Policy = ReadonlyMap<string, readonly string[]>

/** Reads the policies of a header or of a `<meta>`. Node joins several headers by commas. */
export const parsePolicies = (text: string): Policy[] =>
  text
    .split(',')
    .map((policy) => {
      const directives = new Map<string, string[]>()
      for (const directive of policy.split(';')) {
        const [name = '', ...sources] = directive.trim().split(/\s+/)
        if (name !== '' && !directives.has(name.toLowerCase())) directives.set(name.toLowerCase(), sources)
      }
      return directives
    })
    .filter((policy) => policy.size > 0)

/**
 * Returns the sources of the first directive in `names` that the policy has, or else the sources of `default-src`. Returns undefined if the
 * policy has none of these directives. Such a policy allows everything.
 */
export const sourcesOf = (policy: Policy, ...names: string[]): readonly string[] | undefined =>
  [...names, 'default-src'].map((name) => policy.get(name)).find((sources) => sources !== undefined)

/** Returns whether the scheme `pattern` of a policy covers `scheme`, by CSP Level 3, 6.7.2.8. */
const schemeMatches = (pattern: string, scheme: string): boolean =>
  pattern === scheme ||
  (pattern === 'http' && scheme === 'https') ||
  (pattern === 'ws' && ['wss', 'http', 'https'].includes(scheme)) ||
  (pattern === 'wss' && scheme === 'https')

const hostMatches = (pattern: string, host: string): boolean =>
  pattern === '*' || (pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : pattern === host)

/** Returns whether a source's port covers that of `url`. No port stands for the default port of the scheme of `url`. */
const portMatches = (pattern: string | undefined, { port, protocol }: URL): boolean => {
  const ownDefault = ['https:', 'wss:'].includes(protocol) ? '443' : '80'
  return pattern === '*' || (pattern ?? ownDefault) === (port || ownDefault)
}

const pathMatches = (pattern: string, path: string): boolean =>
  pattern === '' || pattern === '/' || (pattern.endsWith('/') ? path.startsWith(pattern) : path === pattern)

/**
 * Returns whether a source lets a page load `url` in every browser. A source that is a host without a scheme allows the page's scheme. Only
 * some browsers let such a source allow WebSockets, so here it allows none. `http://HOST:80` allows https, as `http://HOST` does: browsers
 * do this, the specification does not.
 */
const sourceMatches = (source: string, url: URL, page: URL): boolean => {
  const scheme = url.protocol.slice(0, -1)
  const pageScheme = page.protocol.slice(0, -1)
  if (source === '*') return ['http', 'https', 'ws', 'wss'].includes(scheme) || scheme === pageScheme
  if (source.toLowerCase() === "'self'")
    return (
      url.hostname === page.hostname &&
      // Two default ports are equal here, although that of http is not that of https (CSP Level 3, 6.7.2.8).
      url.port === page.port &&
      (scheme === pageScheme || schemeMatches(pageScheme.replace('http', 'ws'), scheme))
    )
  const onlyScheme = /^([a-z][a-z0-9+.-]*):$/i.exec(source)?.[1]
  if (onlyScheme !== undefined) return schemeMatches(onlyScheme.toLowerCase(), scheme)
  const [, given, host = '', port, path = ''] =
    /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/:'\s]+)(?::(\d+|\*))?(\/[^?#]*)?$/i.exec(source) ?? []
  const pattern = given?.toLowerCase() ?? pageScheme
  return (
    host !== '' &&
    schemeMatches(pattern, scheme) &&
    hostMatches(host.toLowerCase(), url.hostname) &&
    portMatches(pattern === 'http' && port === '80' ? undefined : port, url) &&
    pathMatches(path, url.pathname)
  )
}

/** Returns whether a list of sources lets the page at `page` load `url`. */
export const allows = (sources: readonly string[] | undefined, url: URL, page: URL): boolean =>
  sources === undefined || sources.some((source) => sourceMatches(source, url, page))
