import { createHmac } from 'node:crypto'
import { hashOnce } from './sha256.js'

const BLOCK = 64

/** Returns the key in one block (RFC 2104, 2), each byte combined with `byte`. */
const pad = (key: Buffer, byte: number): Buffer => {
  const block = Buffer.alloc(BLOCK, byte)
  for (const [index, keyByte] of key.entries()) block[index] = keyByte ^ byte
  return block
}

/**
 * Returns a function that makes HMAC-SHA256s under one key. If Node has `crypto.hash`, it makes them of two hashes (RFC 2104, 2):
 * the objects and streams of `createHmac` cost a start three times as much.
 */
export const createHmacSha256 = (key: string | Uint8Array): ((data: string | Uint8Array) => Buffer) => {
  const hash = hashOnce
  if (!hash) return (data) => createHmac('sha256', key).update(data).digest()
  const bytes = Buffer.from(key)
  const short = bytes.length > BLOCK ? Buffer.from(hash('sha256', bytes, 'hex'), 'hex') : bytes
  const [inner, outer] = [pad(short, 0x36), pad(short, 0x5c)]
  return (data) => {
    // Digests pass as text in Latin-1, which Node also names `binary`: a Buffer of each would take twice as long.
    const digest = hash('sha256', Buffer.concat([inner, Buffer.from(data)]), 'binary')
    const mac = hash('sha256', Buffer.concat([outer, Buffer.from(digest, 'latin1')]), 'binary')
    return Buffer.from(mac, 'latin1')
  }
}
