import { isLoopback, type Settings } from '../../gateway/internal.js'
import { CliError } from '../cli-error.js'
import { hasFailed, printFindings, type Finding } from '../report.js'
import { checkHttp } from './http.js'
import { checkDns, checkTcp, checkTls, portOf } from './network.js'
import { checkPage } from './page.js'
import { checkProxies } from './proxies.js'
import { checkAuthorizeSendUrl } from './send-url.js'
import { checkStream } from './stream.js'
import { checkWebSocket } from './websocket.js'

export interface DoctorOptions {
  app?: string
  origin?: string
  page?: string
}

const readUrl = (text: string, what: string): URL => {
  const url = URL.canParse(text) ? new URL(text.replace(/^ws(?=s?:\/\/)/i, 'http')) : undefined
  if (url && ['http:', 'https:'].includes(url.protocol)) {
    // `ws` throws for a URL with a fragment, which a URL from the address bar may have.
    url.hash = ''
    return url
  }
  throw new CliError(`${what} is not a URL: write it as https://chat.example.com.`)
}

/** The addresses that are checked. */
interface Targets {
  base: URL
  page: URL | undefined
  origin: string | undefined
  appId: string | undefined
}

/** Checks a gateway from outside. If a check fails, the later checks that depend on it are left out. */
const examine = async ({ base, page, origin, appId }: Targets): Promise<Finding[]> => {
  const dns = await checkDns(base)
  if (dns.addresses.length === 0) return [dns.finding]
  const tcp = await checkTcp(dns.addresses, portOf(base))
  if (tcp.level === 'fail') return [dns.finding, tcp]
  const tls = await checkTls(base, dns.addresses.every(isLoopback))
  const network = [dns.finding, tcp, tls.finding]
  if (!tls.reached) return network
  const http = await checkHttp(base)
  const visited = page && (await checkPage(base, dns.addresses, page))
  const pageFindings = visited?.findings ?? []
  if (!http.reached) return [...network, ...http.findings, ...pageFindings]
  const visitor = { origin: origin ?? visited?.origin, appId }
  const webSocket = await checkWebSocket(base, visitor)
  const stream = await checkStream(base, visitor)
  return [...network, ...http.findings, ...webSocket, stream, ...pageFindings]
}

/** Checks what the gateway needs of an app's backend, from this machine. `only`: the id of the only app that is checked. */
const examineBackends = async (
  settings: Settings | undefined,
  only: string | undefined,
): Promise<Finding[]> => {
  const apps = [...(settings?.apps.values() ?? [])].filter(({ appId }) => appId === (only ?? appId))
  const findings = await checkProxies(apps)
  for (const app of apps) findings.push(...(await checkAuthorizeSendUrl(app)))
  return findings
}

/**
 * Prints one line for each check of the gateway at `url`. The line of a failure says what to do. With the gateway's settings, also asks the
 * backends of its apps what the gateway would ask them.
 */
export const doctor = async (url: string, options: DoctorOptions, settings?: Settings): Promise<void> => {
  const { app, origin, page } = options
  if (origin !== undefined && app === undefined)
    throw new CliError('Origins are rules of an app: name one with --app ID.')
  const findings = await examine({
    base: readUrl(url, 'The argument'),
    page: page === undefined ? undefined : readUrl(page, '--page'),
    origin: origin === undefined ? undefined : readUrl(origin, '--origin').origin,
    appId: app,
  })
  findings.push(...(await examineBackends(settings, app)))
  printFindings(findings)
  if (hasFailed(findings)) process.exitCode = 2
}
