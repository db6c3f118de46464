import { isLoopback } from '../../gateway/internal.js'
import { CliError } from '../cli-error.js'
import { hasFailed, printFindings, type Finding } from '../report.js'
import { checkHttp } from './http.js'
import { checkDns, checkTcp, checkTls, portOf } from './network.js'
import { checkPage } from './page.js'
import { checkWebSocket } from './websocket.js'

export interface DoctorOptions {
  app?: string
  origin?: string
  page?: string
}

const readUrl = (text: string, what: string): URL => {
  const url = URL.canParse(text) ? new URL(text.replace(/^ws(?=s?:\/\/)/i, 'http')) : undefined
  if (url && ['http:', 'https:'].includes(url.protocol)) return url
  throw new CliError(`${what} is no URL: write it as https://chat.example.com.`)
}

/** Looks at a gateway from outside, step by step. A step that others build on ends the list if it fails. */
const examine = async (base: URL, { app, origin, page }: DoctorOptions): Promise<Finding[]> => {
  const dns = await checkDns(base)
  if (dns.addresses.length === 0) return [dns.finding]
  const tcp = await checkTcp(dns.addresses, portOf(base))
  if (tcp.level === 'fail') return [dns.finding, tcp]
  const tls = await checkTls(base, dns.addresses.every(isLoopback))
  const network = [dns.finding, tcp, tls.finding]
  if (!tls.reached) return network
  const http = await checkHttp(base)
  const visited = page === undefined ? undefined : await checkPage(base, readUrl(page, '--page'))
  const pageFindings = visited?.findings ?? []
  if (!http.reached) return [...network, ...http.findings, ...pageFindings]
  const webSocket = await checkWebSocket(base, {
    origin: origin === undefined ? visited?.origin : readUrl(origin, '--origin').origin,
    appId: app,
  })
  return [...network, ...http.findings, ...webSocket, ...pageFindings]
}

/** Prints what a client of the gateway at `url` would meet, and what to do about it. */
export const doctor = async (url: string, options: DoctorOptions): Promise<void> => {
  if (options.origin !== undefined && options.app === undefined)
    throw new CliError('Origins are rules of an app: name one with --app ID.')
  const findings = await examine(readUrl(url, 'The argument'), options)
  printFindings(findings)
  if (hasFailed(findings)) process.exitCode = 2
}
