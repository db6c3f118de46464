import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { createHmacSha256 } from '../../../src/engine/internal.js'

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
