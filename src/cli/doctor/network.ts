import { lookup } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type PeerCertificate } from 'node:tls'
import { checkExpiry } from '../certificate.js'
import { findingsAbout, type Finding } from '../report.js'

/** Milliseconds that a connection or an answer may take. */
export const TIMEOUT = 10_000

/** Returns the system's error code, such as `ECONNREFUSED`, or else the error's message. */
export const failureOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : error instanceof Error ? error.message : String(error)
}

/** Returns the host name, without the brackets of an IPv6 address. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '')

export const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === 'https:' ? 443 : 80)

/** Resolves a name as browsers on this machine do. */
export const checkDns = async (url: URL): Promise<{ finding: Finding; addresses: string[] }> => {
  const dns = findingsAbout('dns')
  const host = hostOf(url)
  if (isIP(host)) return { finding: dns.ok('the URL has an address, and no name'), addresses: [host] }
  try {
    const found = await lookup(host, { all: true })
    const addresses = [...new Set(found.map(({ address }) => address))]
    return { finding: dns.ok(`${host} is ${addresses.join(', ')}`), addresses }
  } catch (error) {
    const text = `${host} has no address (${failureOf(error)}): add an A or AAAA record`
    return { finding: dns.fail(text), addresses: [] }
  }
}

/** Resolves when the event of a socket comes. Rejects at an error and after `TIMEOUT`. */
const untilEvent = (socket: Socket, event: string): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.setTimeout(TIMEOUT, () => reject(new Error('no answer in time')))
    socket.once('error', reject)
    socket.once(event, () => resolve())
  })

/** Connects to each address separately, because a browser tries them in turn, and a dead address delays it. */
export const checkTcp = async (addresses: readonly string[], port: number): Promise<Finding> => {
  const failures: string[] = []
  for (const address of addresses) {
    const socket = connect({ host: address, port })
    try {
      await untilEvent(socket, 'connect')
    } catch (error) {
      failures.push(`${address} (${failureOf(error)})`)
    } finally {
      socket.destroy()
    }
  }
  const tcp = findingsAbout('tcp')
  if (failures.length === 0) return tcp.ok(`port ${port} takes connections`)
  const failed = `port ${port} takes no connection at ${failures.join(', ')}`
  return failures.length < addresses.length
    ? tcp.warn(`${failed}: listen there too, or remove the DNS record`)
    : tcp.fail(`${failed}: is the proxy running, and does the firewall let it through?`)
}

/** Returns what to do about an error of OpenSSL's verification. */
const adviceFor = (code: string): string => {
  if (code === 'CERT_HAS_EXPIRED') return 'renew it'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'get one for this host name'
  if (code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' || code === 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY')
    return 'serve the whole chain (fullchain.pem), not the certificate alone'
  if (code === 'DEPTH_ZERO_SELF_SIGNED_CERT' || code === 'SELF_SIGNED_CERT_IN_CHAIN')
    return 'browsers trust no self-signed certificate: get one from a certificate authority'
  return 'browsers refuse it'
}

const tls = findingsAbout('tls')

const judgeCertificate = ({ valid_to: validTo }: PeerCertificate, problem: string | null): Finding => {
  if (problem === null) return checkExpiry('tls', validTo)
  return tls.fail(`the certificate is not good (${problem}, valid to ${validTo}): ${adviceFor(problem)}`)
}

/** Makes a TLS handshake as a browser does, unless the URL is plain HTTP. `reached` is true even if the certificate is bad. */
export const checkTls = async (
  url: URL,
  isLocal: boolean,
): Promise<{ finding: Finding; reached: boolean }> => {
  if (url.protocol === 'http:')
    return {
      finding: isLocal
        ? tls.ok('plain HTTP, on this machine')
        : tls.warn(
            'plain HTTP: others read along, and pages with https can’t connect; put the gateway behind TLS',
          ),
      reached: true,
    }
  const host = hostOf(url)
  const socket = connectTls({
    host,
    port: portOf(url),
    // The certificate is judged below, and nothing secret is sent.
    rejectUnauthorized: false,
    ...(!isIP(host) && { servername: host }),
  })
  try {
    await untilEvent(socket, 'secureConnect')
    // Node's types say that this is an Error, but it is OpenSSL's code.
    const problem = socket.authorized ? null : failureOf(socket.authorizationError)
    return { finding: judgeCertificate(socket.getPeerCertificate(), problem), reached: true }
  } catch (error) {
    const text = `no TLS handshake (${failureOf(error)}): does this port speak TLS?`
    return { finding: tls.fail(text), reached: false }
  } finally {
    socket.destroy()
  }
}
