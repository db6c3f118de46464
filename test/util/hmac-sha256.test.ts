import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { createSecureContext } from 'node:tls'
import { createHmacSha256 } from '../../src/util/hmac-sha256.js'

const keys = [
  'k',
  'k'.repeat(64),
  'k'.repeat(65),
  'k'.repeat(300),
  'é\0€',
  new Uint8Array(0),
  new Uint8Array(32),
  Buffer.from('beyond the first two bytes').subarray(2),
]
const data = ['', 'x', 'é€😀', 'y'.repeat(5_000), new Uint8Array(0), new Uint8Array(5_000).fill(7)]

test('MACs equal those of `createHmac`, for keys and data of any length, and each call is for itself', () => {
  for (const key of keys) {
    const hmac = createHmacSha256(key)
    const macs = data.map((each) => [each, hmac(each)] as const)
    for (const [each, mac] of macs) assert.deepEqual(mac, createHmac('sha256', key).update(each).digest())
  }
})

test('a MAC is made after OpenSSL has failed at something else', () => {
  // Bun's own `update` throws an error that OpenSSL has left from an earlier call.
  const hmac = createHmacSha256('k')
  assert.throws(() => createSecureContext({ key: 'no key', cert: 'no certificate' }))
  assert.deepEqual(hmac('x'), createHmac('sha256', 'k').update('x').digest())
})
