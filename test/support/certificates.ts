import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificate {
  /** Names of PEM files. */
  cert: string
  key: string
  /** The content of `cert`, for clients that trust it. */
  ca: Buffer
}

/**
 * Makes a self-signed certificate with the openssl command, and writes it as NAME.pem and NAME-key.pem. It ends in `days`, which may be
 * negative.
 */
export const makeCertificate = (
  folder: string,
  name: string,
  { days = 60, names = 'IP:127.0.0.1,DNS:localhost' } = {},
): Certificate => {
  const [cert, key, request, extensions] = ['.pem', '-key.pem', '.csr', '.cnf'].map((ending) =>
    join(folder, `${name}${ending}`),
  ) as [string, string, string, string]
  const run = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' })
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  run('req', '-new', ...curve, '-subj', `/CN=${name}`, '-keyout', key, '-out', request)
  writeFileSync(extensions, `subjectAltName=${names}`)
  run(
    'x509',
    '-req',
    '-in',
    request,
    '-signkey',
    key,
    '-days',
    String(days),
    '-extfile',
    extensions,
    '-out',
    cert,
  )
  return { cert, key, ca: readFileSync(cert) }
}
