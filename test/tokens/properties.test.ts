import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { byteLength, isGuestId, isUserId, limits } from '../../src/protocol/index.js'
import {
  createSignature,
  createToken,
  createTokenVerifier,
  verifySignature,
  type Profile,
} from '../../src/tokens/index.js'
import { appId, backends, outcome, secret } from '../support/forged-tokens.js'

const userIds = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 80 })
  .filter((id) => isUserId(id) && !isGuestId(id))
const texts = fc.string({ unit: 'binary', maxLength: 40 })
const profiles: fc.Arbitrary<Profile> = fc
  .record(
    {
      name: texts,
      email: fc.emailAddress(),
      photoUrl: fc.webUrl({ validSchemes: ['https'], withQueryParameters: true }),
      locale: texts,
      role: texts,
      custom: fc.dictionary(texts, texts, { noNullPrototype: true }),
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  .filter((profile) => byteLength(JSON.stringify(profile)) <= limits.profile)

for (const { name, hmac } of backends) {
  const verify = createTokenVerifier({ appId, secrets: [secret], hmac })

  test(`a token with any one character changed, added or lost is refused (${name})`, async () => {
    const token = await createToken({ appId, userId: 'ann', secret, user: { name: 'Ann' } })
    assert.equal(await outcome(verify(token)), 'ok')
    const base64url = fc.constantFrom(
      ...Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.='),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.oneof(base64url, fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), fc.constant('')),
        fc.constantFrom(0, 1),
        async (place, put, taken) => {
          const other = token.slice(0, place) + put + token.slice(place + taken)
          fc.pre(other !== token)
          assert.equal(await outcome(verify(other)), 'unauthenticated')
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test(`any user id and profile come out of a token as they went in (${name})`, async () => {
    await fc.assert(
      fc.asyncProperty(userIds, profiles, async (userId, user) => {
        const result = await verify(await createToken({ appId, userId, secret, user }))
        assert(result.ok)
        assert.equal(result.claims.userId, userId)
        assert.deepEqual(result.claims.user, user)
      }),
    )
  })
}

test('the signature of any user id verifies, and for no other id', async () => {
  await fc.assert(
    fc.asyncProperty(userIds, userIds, async (userId, other) => {
      fc.pre(userId !== other)
      const signature = await createSignature(userId, secret)
      assert.equal(await verifySignature(userId, signature, [secret]), true)
      assert.equal(await verifySignature(other, signature, [secret]), false)
    }),
  )
})
