// The signature of webhooks, verified by the reference library of Standard Webhooks.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { signWebhook } from '../../../src/gateway/outbound/sign.js'

/** The reference library of a receiver that has this key. */
const receiverWith = (key: Buffer): Webhook => new Webhook(`whsec_${key.toString('base64')}`)

const body = JSON.stringify({ type: 'session.started', userId: 'Zoë 🎈', data: { online: true } })

for (const bytes of [24, 32, 64])
  test(`the reference library verifies a request that was signed with a secret of ${bytes} bytes`, () => {
    const key = randomBytes(bytes)
    const headers = signWebhook('evt_1', body, [key])
    assert.deepEqual(receiverWith(key).verify(body, { ...headers }), JSON.parse(body))
  })

test('during a rotation the request has a signature of each secret, and each of them verifies it', () => {
  const keys = [randomBytes(32), randomBytes(32)]
  const headers = signWebhook('evt_1', body, keys)
  assert.match(headers['webhook-signature'], /^v1,[\w+/]{43}= v1,[\w+/]{43}=$/)
  for (const key of keys) assert.ok(receiverWith(key).verify(body, { ...headers }))
  assert.throws(() => receiverWith(randomBytes(32)).verify(body, { ...headers }), /No matching signature/)
})

test('the reference library refuses a request whose id, time or body was changed', () => {
  const key = randomBytes(32)
  const receiver = receiverWith(key)
  const headers = signWebhook('evt_1', body, [key])
  const later = `${Number(headers['webhook-timestamp']) + 1}`
  assert.throws(() => receiver.verify(`${body} `, { ...headers }))
  assert.throws(() => receiver.verify(body, { ...headers, 'webhook-id': 'evt_2' }))
  assert.throws(() => receiver.verify(body, { ...headers, 'webhook-timestamp': later }))
})

test('the signature is the one that the reference library makes for that time, in seconds', () => {
  const key = randomBytes(32)
  const sentAt = 1_700_000_000_999
  const headers = signWebhook('evt_1', body, [key], sentAt)
  assert.equal(headers['webhook-timestamp'], '1700000000')
  assert.equal(headers['webhook-signature'], receiverWith(key).sign('evt_1', new Date(sentAt), body))
})
