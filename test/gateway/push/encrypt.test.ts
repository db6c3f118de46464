// The encryption of pushes, with the example of RFC 8291, section 5 and appendix A.
import assert from 'node:assert/strict'
import { createECDH, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { encryptPush, MAX_PLAINTEXT } from '../../../src/gateway/push/encrypt.js'
import { decryptPush } from '../../support/push/push-service.js'

const example = {
  text: 'When I grow up, I want to be a watermelon',
  senderPrivate: 'yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw',
  receiverPrivate: 'q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94',
  p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
  auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  salt: 'DGv6ra1nlYgDCS1FRnbzlw',
  body: 'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
}

test('the encryption makes the body of the example in RFC 8291', () => {
  const sender = createECDH('prime256v1')
  sender.setPrivateKey(example.senderPrivate, 'base64url')
  const salt = Buffer.from(example.salt, 'base64url')
  const { p256dh, auth } = example
  const body = encryptPush(example.text, { p256dh, auth }, { salt, sender })
  assert.equal(body.toString('base64url'), example.body)
})

test('the receiver of the example decrypts what is encrypted with other random bytes', () => {
  const keys = createECDH('prime256v1')
  keys.setPrivateKey(example.receiverPrivate, 'base64url')
  const auth = Buffer.from(example.auth, 'base64url')
  const bodies = [1, 2].map(() => encryptPush(example.text, example))
  assert.notDeepEqual(bodies[0], bodies[1])
  for (const body of bodies) assert.equal(decryptPush(body, { keys, auth }), example.text)
})

test('the longest text makes a body of the 4,096 bytes that every push service takes', () => {
  const keys = createECDH('prime256v1')
  const p256dh = keys.generateKeys('base64url')
  const auth = randomBytes(16)
  const text = 'a'.repeat(MAX_PLAINTEXT)
  const body = encryptPush(text, { p256dh, auth: auth.toString('base64url') })
  assert.equal(body.length, 4_096)
  assert.equal(decryptPush(body, { keys, auth }), text)
})

test('a key that is no point of the curve is not encrypted for', () => {
  assert.throws(() => encryptPush('text', { ...example, p256dh: Buffer.alloc(65, 4).toString('base64url') }))
})
