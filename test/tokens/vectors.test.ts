import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet } from 'jose'
import { createMac, createMacCheck, utf8 } from '../../src/tokens/hmac.js'
import { createSignature } from '../../src/tokens/index.js'
import { verifyWithKeySet } from '../../src/tokens/key-set.js'
import { parseToken } from '../../src/tokens/parse-token.js'
import { backends } from '../support/forged-tokens.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
const parsed = (text: string) => {
  const result = parseToken(text)
  assert(result.ok)
  return result.token
}

const payload =
  'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'

/** The test cases of RFC 4231, 4.2 to 4.8. Case 5 (4.6) is left out, because its result is truncated. */
const rfc4231 = [
  ['0b'.repeat(20), utf8('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    Buffer.from('Jefe').toString('hex'),
    utf8('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  ['aa'.repeat(20), hex('dd'.repeat(50)), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
  [
    '0102030405060708090a0b0c0d0e0f10111213141516171819',
    hex('cd'.repeat(50)),
    '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
  ],
  [
    'aa'.repeat(131),
    utf8('Test Using Larger Than Block-Size Key - Hash Key First'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
  [
    'aa'.repeat(131),
    utf8(
      'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
    ),
    '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  ],
] as const

for (const { name, hmac } of backends) {
  test(`the HS256 example of RFC 7515, A.1, verifies (${name})`, async () => {
    const key = Buffer.from(
      'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
      'base64url',
    )
    const token = parsed(
      `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${payload}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`,
    )
    const check = createMacCheck([key], hmac)

    assert.deepEqual(token.claims, { iss: 'joe', exp: 1300819380, 'http://example.com/is_root': true })
    assert.equal(await check(utf8(token.signed), token.signature), true)
    assert.equal(await check(utf8(`${token.signed}A`), token.signature), false)
  })

  test(`the HMACs of RFC 4231 are made and verified (${name})`, async () => {
    for (const [key, data, mac] of rfc4231) {
      assert.equal(Buffer.from(await createMac(hex(key), data, hmac)).toString('hex'), mac)
      assert.equal(await createMacCheck([hex(key)], hmac)(data, hex(mac)), true)
    }
  })

  test(`the HMAC that RFC 4231 cuts to 128 bits is refused (${name})`, async () => {
    const check = createMacCheck([hex('0c'.repeat(20))], hmac)
    assert.equal(await check(utf8('Test With Truncation'), hex('a3b6167473100ee06e0c796c2955552b')), false)
  })
}

test('the signature of a user id is the HMAC that RFC 4231 prints for it', async () => {
  assert.equal(await createSignature('Hi There', '\x0b'.repeat(20)), rfc4231[0][2])
  assert.equal(await createSignature('what do ya want for nothing?', 'Jefe'), rfc4231[1][2])
})

test('the ES256 example of RFC 7515, A.3, verifies', async () => {
  const resolve = createLocalJWKSet({
    keys: [
      {
        kty: 'EC',
        crv: 'P-256',
        x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
        y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
      },
    ],
  })
  const token = parsed(
    `eyJhbGciOiJFUzI1NiJ9.${payload}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
  )
  assert.equal(await verifyWithKeySet(token, { algorithms: ['ES256'], resolve }), 'good')
})
