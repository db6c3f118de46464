import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificate {
  /** Names of PEM files. */
  cert: string
  key: string
  /** The content of `cert`, for clients that trust it. */
  ca: Buffer
}

/** Makes a self-signed certificate for 127.0.0.1 and localhost with the openssl command, and writes it as NAME.pem and NAME-key.pem. */
export const makeCertificate = (folder: string, name: string): Certificate => {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}-key.pem`)]
  execFileSync(
    'openssl',
    // prettier-ignore
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '60',
     '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-keyout', key, '-out', cert],
    { stdio: 'ignore' },
  )
  return { cert, key, ca: readFileSync(cert) }
}
