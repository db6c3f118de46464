import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificate {
  /** Names of PEM files. */
  cert: string
  key: string
  /** What clients trust: the certificate of its authority, or its own if it is self-signed. */
  ca: Buffer
}

/** A certificate authority of the tests. */
export interface Authority {
  /** The PEM file of its own certificate. */
  cert: string
  /** Makes a certificate for these names, as NAME.pem and NAME-key.pem in the folder. */
  issue(folder: string, name: string, names?: string): Certificate
}

const LOOPBACK = 'IP:127.0.0.1,DNS:localhost'

interface Contents {
  days: number
  /** Lines of an OpenSSL configuration. */
  extensions: string
}

/** Makes a certificate with the openssl command. Without an issuer it is self-signed. */
const make = (
  folder: string,
  name: string,
  { days, extensions: lines }: Contents,
  issuer?: Pick<Certificate, 'cert' | 'key'>,
): Certificate => {
  const [cert, key, request, extensions] = ['.pem', '-key.pem', '.csr', '.cnf'].map((ending) =>
    join(folder, `${name}${ending}`),
  ) as [string, string, string, string]
  const run = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' })
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  run('req', '-new', ...curve, '-subj', `/CN=${name}`, '-keyout', key, '-out', request)
  writeFileSync(extensions, lines)
  run(
    'x509',
    '-req',
    '-in',
    request,
    ...(issuer ? ['-CA', issuer.cert, '-CAkey', issuer.key, '-CAcreateserial'] : ['-signkey', key]),
    '-days',
    String(days),
    '-extfile',
    extensions,
    '-out',
    cert,
  )
  return { cert, key, ca: readFileSync(issuer?.cert ?? cert) }
}

/**
 * Makes a self-signed certificate with the openssl command, and writes it as NAME.pem and NAME-key.pem. It ends in `days`, which may be
 * negative.
 */
export const makeCertificate = (
  folder: string,
  name: string,
  { days = 60, names = LOOPBACK } = {},
): Certificate => make(folder, name, { days, extensions: `subjectAltName=${names}` })

export const makeAuthority = (folder: string, name: string): Authority => {
  const own = make(folder, name, { days: 60, extensions: 'basicConstraints=critical,CA:TRUE' })
  return {
    cert: own.cert,
    issue: (into, issued, names = LOOPBACK) =>
      make(into, issued, { days: 60, extensions: `subjectAltName=${names}` }, own),
  }
}
