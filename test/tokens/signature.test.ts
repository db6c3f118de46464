import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import {
  createSignature,
  createSignatureVerifier,
  TokenError,
  verifySignature,
} from '../../src/tokens/index.js'
import { backends, otherSecret, secret } from '../support/forged-tokens.js'

for (const { name, hmac } of backends) {
  const verify = createSignatureVerifier({ secrets: [secret], hmac })
  const says = (sentence: string, run: () => Promise<void>) => {
    void test(`${sentence} (${name})`, run)
  }

  says('a signature is valid for its user and for no other user', async () => {
    const signature = await createSignature('Zoë', secret)

    assert.match(signature, /^[0-9a-f]{64}$/)
    assert.equal(await verify('Zoë', signature), true)
    assert.equal(await verify('Zoë'.normalize('NFD'), signature), false)
    assert.equal(await verify('zoë', signature), false)
  })

  says('a number and its text are the same user', async () => {
    assert.equal(await verify('12345', await createSignature(12345, secret)), true)
    assert.equal(await verify(12345, await createSignature('12345', secret)), true)
  })

  says('uppercase hex, as some makers write it, is good', async () => {
    assert.equal(await verify('ann', (await createSignature('ann', secret)).toUpperCase()), true)
  })

  says('a signature is exactly 64 hex digits', async () => {
    const good = await createSignature('ann', secret)
    for (const other of [
      '',
      good.slice(0, 32),
      good.slice(0, 63),
      `${good}0`,
      good + good,
      `${good}\n`,
      ` ${good}`,
      `0x${good.slice(2)}`,
      `${good.slice(0, 63)}g`,
      '0'.repeat(64),
      Buffer.from(good, 'hex').toString('base64url'),
      [good],
      undefined,
      null,
      5,
    ])
      assert.equal(await verify('ann', other as string), false)
  })

  says('a signature that ends in zeros may not be cut short', async () => {
    const signatureOf = (id: number) => createHmac('sha256', secret).update(String(id)).digest('hex')
    let id = 1
    while (!signatureOf(id).endsWith('00')) id += 1
    assert.equal(await verify(id, signatureOf(id)), true)
    assert.equal(await verify(id, signatureOf(id).slice(0, 62)), false)
  })

  says('a changed digit is refused, wherever it is', async () => {
    const good = await createSignature('ann', secret)
    for (let digit = 0; digit < 64; digit += 1) {
      const other = (parseInt(good.charAt(digit), 16) ^ 1).toString(16)
      assert.equal(await verify('ann', good.slice(0, digit) + other + good.slice(digit + 1)), false)
    }
  })

  says("a guest's id has no good signature", async () => {
    const signature = createHmac('sha256', secret).update('guest:ann').digest('hex')
    assert.equal(await verify('guest:ann', signature), false)
  })

  says('what is no user id has no good signature', async () => {
    for (const id of ['', '.', '..', 'a\0', '\ud800', 'a'.repeat(256)])
      assert.equal(await verify(id, createHmac('sha256', secret).update(id).digest('hex')), false)
    for (const id of [undefined, null, NaN, 2 ** 53, true])
      assert.equal(
        await verify(id as never, createHmac('sha256', secret).update(String(id)).digest('hex')),
        false,
      )
  })

  says('while secrets are rotated, each of them verifies, and a retired one does not', async () => {
    const signature = await createSignature('ann', secret)
    assert.equal(
      await createSignatureVerifier({ secrets: [otherSecret, secret], hmac })('ann', signature),
      true,
    )
    assert.equal(await createSignatureVerifier({ secrets: [otherSecret], hmac })('ann', signature), false)
  })

  says('no secrets, an empty one, or one of zeros verify nothing', async () => {
    const signature = createHmac('sha256', '').update('ann').digest('hex')
    for (const secrets of [[], [''], ['\0\0']])
      assert.equal(await createSignatureVerifier({ secrets, hmac })('ann', signature), false)
  })
}

test('one signature can be verified without making a verifier', async () => {
  const signature = await createSignature('ann', secret)
  assert.equal(await verifySignature('ann', signature, [otherSecret, secret]), true)
  assert.equal(await verifySignature('bob', signature, [secret]), false)
})

test('no signature is made for a guest, without a user id, or with an empty secret', async () => {
  const code = (wanted: string) => (error: unknown) => error instanceof TokenError && error.code === wanted
  await assert.rejects(createSignature('guest:ann', secret), code('guest-user-id'))
  await assert.rejects(createSignature('', secret), code('bad-user-id'))
  await assert.rejects(createSignature('ann', ''), code('bad-secret'))
})
