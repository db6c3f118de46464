import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { isPrivateAddress } from '../../gateway/internal.js'
import { findingsAbout, type Finding } from '../report.js'
import { checkAddressSpace } from './address-space.js'
import { allows, parsePolicies, sourcesOf, type Policy } from './csp.js'
import { below, get, type Answer } from './http.js'
import { tagsOf } from './html-tags.js'
import { checkDns, failureOf, hostOf } from './network.js'

const MAX_REDIRECTS = 5

/** The most tags of each kind that are checked. Real pages have a few. A hostile page must not keep the command busy. */
const MAX_POLICIES = 100
const MAX_SCRIPTS = 20

const PRIVATE_REDIRECT = 'a redirect to an address of this machine or its network is not followed'

/** Resolves a name as `dns.lookup` does. If any of the name's addresses is private, the lookup fails. */
export const publicLookup: LookupFunction = (host, options, callback) =>
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 0)
    const [first] = addresses
    if (!first) return callback(new Error('no address'), '', 0)
    if (addresses.some(({ address }) => isPrivateAddress(address)))
      return callback(new Error(PRIVATE_REDIRECT), '', 0)
    return options.all ? callback(null, addresses) : callback(null, first.address, first.family)
  })

/** Returns whether a page's host has private addresses only. */
const isPrivatePage = async (page: URL): Promise<boolean> => {
  const { addresses } = await checkDns(page)
  return addresses.length > 0 && addresses.every(isPrivateAddress)
}

/**
 * Requests a page as a browser does. Resolves with the answer and its URL after redirects. If `isPrivate` is false, a redirect to a private
 * address fails: a page on the internet must not make this machine send requests into a private network.
 */
export const load = async (page: URL, isPrivate: boolean): Promise<{ url: URL; answer: Answer }> => {
  const headers = { accept: 'text/html' }
  let url = page
  let answer = await get(url, headers)
  for (let redirects = 0; redirects < MAX_REDIRECTS; redirects += 1) {
    const { location } = answer.headers
    if (location === undefined || answer.status < 300 || answer.status >= 400) break
    url = new URL(location, url)
    // For a host that is an address Node does not call `publicLookup`, so this line checks the address.
    if (!isPrivate && isPrivateAddress(hostOf(url))) throw new Error(PRIVATE_REDIRECT)
    answer = await get(url, headers, isPrivate ? undefined : publicLookup)
  }
  return { url, answer }
}

const policiesOf = ({ headers, body }: Answer): Policy[] => {
  const header = headers['content-security-policy']
  const metas = tagsOf(body, 'meta', MAX_POLICIES)
    .filter((tag) => tag.get('http-equiv')?.toLowerCase() === 'content-security-policy')
    .map((tag) => tag.get('content') ?? '')
  return [...(header === undefined ? [] : [header].flat()), ...metas].flatMap(parsePolicies)
}

/** Returns the attributes of the tags that load the script from the gateway. */
const scriptTags = (base: URL, url: URL, html: string): Map<string, string>[] =>
  tagsOf(html, 'script', MAX_SCRIPTS).filter((tag) => {
    const src = tag.get('src') ?? ''
    return (
      URL.canParse(src, url.href) && new URL(src, url).href.startsWith(below(base, '/v1/chat-session').href)
    )
  })

/** Returns whether a policy has each hash of a tag's `integrity` (CSP Level 3, 6.7.1.1). For a tag without `integrity` it returns false. */
const hasHashes = (sources: readonly string[] | undefined, tag: Map<string, string>): boolean => {
  const hashes = tag.get('integrity')?.trim().split(/\s+/)
  // An option, as in `sha384-…?ct=…`, is no part of the hash.
  return !!hashes?.every((hash) => sources?.includes(`'${hash.replace(/\?.*/, '')}'`))
}

/** Returns whether a policy allows a tag. A nonce or a hash allows each tag that has it. A policy with 'strict-dynamic' ignores hosts. */
const allowsScript = (policy: Policy, tag: Map<string, string>, url: URL): boolean => {
  const sources = sourcesOf(policy, 'script-src-elem', 'script-src')
  const nonce = tag.get('nonce')
  if (nonce !== undefined && sources?.includes(`'nonce-${nonce}'`)) return true
  if (hasHashes(sources, tag)) return true
  const script = new URL(tag.get('src') ?? '', url)
  return !sources?.includes("'strict-dynamic'") && allows(sources, script, url)
}

/** Returns whether a policy allows event streams. Sources with `ws:` or `wss:` don't count: in some browsers they allow no HTTP. */
const allowsStream = (policy: Policy, base: URL, url: URL): boolean => {
  const sources = sourcesOf(policy, 'connect-src')?.filter((source) => !/^wss?:/i.test(source))
  return ['/v1/session/stream', '/v1/session/frames'].every((path) => allows(sources, below(base, path), url))
}

const checkPolicies = (base: URL, url: URL, answer: Answer): Finding[] => {
  const csp = findingsAbout('csp')
  const policies = policiesOf(answer)
  if (policies.length === 0) return [csp.ok('the page has no Content-Security-Policy')]
  const session = below(base, '/v1/session')
  session.protocol = session.protocol.replace('http', 'ws')
  const findings: Finding[] = []
  if (!policies.every((policy) => allows(sourcesOf(policy, 'connect-src'), session, url)))
    findings.push(
      csp.fail(
        `the page's Content-Security-Policy forbids the connection: add ${session.origin} ${base.origin} to connect-src`,
      ),
    )
  else if (!policies.every((policy) => allowsStream(policy, base, url)))
    findings.push(
      csp.warn(
        `the page's Content-Security-Policy forbids event streams, which a session needs where a network blocks WebSockets: add ${base.origin} to connect-src`,
      ),
    )
  const tags = scriptTags(base, url, answer.body)
  if (!tags.every((tag) => policies.every((policy) => allowsScript(policy, tag, url))))
    findings.push(
      csp.fail(
        `the page's Content-Security-Policy forbids the script: add ${base.origin} to script-src, or the policy's nonce to the tag`,
      ),
    )
  return findings.length > 0 ? findings : [csp.ok("the page's Content-Security-Policy allows the connection")]
}

/** Checks whether a page may connect to the gateway at `base` and may load its script. `gateway` has the gateway's addresses. */
export const checkPage = async (
  base: URL,
  gateway: readonly string[],
  page: URL,
): Promise<{ findings: Finding[]; origin: string | undefined }> => {
  const finding = findingsAbout('page')
  let loaded: { url: URL; answer: Answer }
  try {
    loaded = await load(page, await isPrivatePage(page))
  } catch (error) {
    const text = `${page.href} doesn't answer (${failureOf(error)})`
    return { findings: [finding.fail(text)], origin: undefined }
  }
  const { url, answer } = loaded
  if (answer.status !== 200)
    return {
      findings: [finding.fail(`${url.href} answers ${answer.status}: name a page that anyone may load`)],
      origin: url.origin,
    }
  const { addresses } = await checkDns(url)
  const isMixed = url.protocol === 'https:' && base.protocol === 'http:'
  return {
    findings: [
      isMixed
        ? finding.fail('a page with https must not connect to plain HTTP: use https for the gateway')
        : finding.ok(`${url.href} answers`),
      ...(addresses.length > 0 ? [checkAddressSpace(gateway, { url, addresses })] : []),
      ...checkPolicies(base, url, answer),
    ],
    origin: url.origin,
  }
}
