import { findingsAbout, type Finding } from '../report.js'
import { allows, parsePolicies, sourcesOf, type Policy } from './csp.js'
import { below, get, type Answer } from './http.js'
import { failureOf } from './network.js'

const MAX_REDIRECTS = 5

/** Requests a page as a browser does. Resolves with its last URL. */
const load = async (page: URL, redirects = 0): Promise<{ url: URL; answer: Answer }> => {
  const answer = await get(page, { accept: 'text/html' })
  const { location } = answer.headers
  return location !== undefined && answer.status >= 300 && answer.status < 400 && redirects < MAX_REDIRECTS
    ? load(new URL(location, page), redirects + 1)
    : { url: page, answer }
}

/** Returns the attributes of a tag, by name. It reads the tags that this file looks for, and not all of HTML. */
const attributesOf = (tag: string): Map<string, string> =>
  new Map(
    [...tag.matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g)].map(
      ([, name = '', double, single, bare]) => [name.toLowerCase(), double ?? single ?? bare ?? ''],
    ),
  )

const tagsOf = (html: string, name: string): Map<string, string>[] =>
  [...html.matchAll(new RegExp(`<${name}\\b[^>]*>`, 'gi'))].map(([tag]) => attributesOf(tag))

const policiesOf = ({ headers, body }: Answer): Policy[] => {
  const header = headers['content-security-policy']
  const metas = tagsOf(body, 'meta')
    .filter((tag) => tag.get('http-equiv')?.toLowerCase() === 'content-security-policy')
    .map((tag) => tag.get('content') ?? '')
  return [...(header === undefined ? [] : [header].flat()), ...metas].flatMap(parsePolicies)
}

/** The tags that load the script from the gateway. */
const scriptTags = (base: URL, url: URL, html: string): Map<string, string>[] =>
  tagsOf(html, 'script').filter((tag) => {
    const src = tag.get('src') ?? ''
    return (
      URL.canParse(src, url.href) && new URL(src, url).href.startsWith(below(base, '/v1/chat-session').href)
    )
  })

/** Returns whether a policy allows a tag. A nonce allows each tag that has it. With 'strict-dynamic' a policy allows no host. */
const allowsScript = (policy: Policy, tag: Map<string, string>, url: URL): boolean => {
  const sources = sourcesOf(policy, 'script-src-elem', 'script-src')
  const nonce = tag.get('nonce')
  if (nonce !== undefined && sources?.includes(`'nonce-${nonce}'`)) return true
  const script = new URL(tag.get('src') ?? '', url)
  return !sources?.includes("'strict-dynamic'") && allows(sources, script, url)
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
        `the page's Content-Security-Policy forbids the connection: add ${session.origin} to connect-src`,
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

/** Looks at a page that uses the gateway: may it connect, and load the script? */
export const checkPage = async (
  base: URL,
  page: URL,
): Promise<{ findings: Finding[]; origin: string | undefined }> => {
  const finding = findingsAbout('page')
  let loaded: { url: URL; answer: Answer }
  try {
    loaded = await load(page)
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
  const isMixed = url.protocol === 'https:' && base.protocol === 'http:'
  return {
    findings: [
      isMixed
        ? finding.fail('a page with https must not connect to plain HTTP: use https for the gateway')
        : finding.ok(`${url.href} answers`),
      ...checkPolicies(base, url, answer),
    ],
    origin: url.origin,
  }
}
