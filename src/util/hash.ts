import * as crypto from 'node:crypto'

/** `crypto.hash` came with Node 20.12, and takes half the time of `createHash`. Undefined in an earlier Node. */
export const hashOnce = (crypto as Partial<typeof crypto>).hash

const createTextHash =
  (algorithm: string, encoding: 'base64' | 'base64url') =>
  (text: string): string =>
    hashOnce
      ? hashOnce(algorithm, text, encoding)
      : crypto.createHash(algorithm).update(text).digest(encoding)

/** Returns the SHA-256 of a text in base64url. */
export const sha256 = createTextHash('sha256', 'base64url')

/** Returns the SHA-1 of a text in base64, which the handshake of a WebSocket needs. */
export const sha1 = createTextHash('sha1', 'base64')
