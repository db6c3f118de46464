import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  SignJWT,
  type JWK,
} from 'jose'
import { createTokenVerifier, type KeySetAlgorithm, type TokenRules } from '../../src/tokens/index.js'
import {
  appId,
  at,
  backends,
  base64url,
  claims,
  forge,
  noon,
  outcome,
  secret,
} from '../support/forged-tokens.js'
import { freePort } from '../support/network/free-port.js'
import { startServer } from '../support/network/http-server.js'

const maker = async (alg: KeySetAlgorithm, kid?: string) => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const named = kid === undefined ? {} : { kid }
  return {
    alg,
    publicKey,
    jwk: { ...(await exportJWK(publicKey)), alg, ...named } as JWK,
    sign: (changes: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
      new SignJWT(claims(changes)).setProtectedHeader({ alg, ...named, ...header }).sign(privateKey),
  }
}

const verifier = (algorithms: KeySetAlgorithm[], keys: JWK[], rules: Partial<TokenRules> = {}) =>
  createTokenVerifier({
    appId,
    now: at(noon),
    keySet: { algorithms, resolve: createLocalJWKSet({ keys }) },
    ...rules,
  })

const makers = await Promise.all((['RS256', 'ES256', 'EdDSA'] as const).map((alg) => maker(alg)))

for (const { alg, jwk, sign } of makers) {
  test(`a token signed by ${alg} is good under the app's key set`, async () => {
    const result = await verifier([alg], [jwk])(await sign({ user: { name: 'Ann' } }))
    assert(result.ok)
    assert.equal(result.claims.userId, '12345')
    assert.deepEqual(result.claims.user, { name: 'Ann' })
  })

  test(`a token signed by another ${alg} key is refused`, async () => {
    const stranger = await maker(alg)
    assert.equal(await outcome(verifier([alg], [jwk])(await stranger.sign())), 'unauthenticated')
  })

  test(`a token signed by ${alg} is refused where the app does not list it`, async () => {
    const others = makers.map((other) => other.alg).filter((other) => other !== alg)
    const keys = makers.map((other) => other.jwk)
    assert.equal(await outcome(verifier(others, keys)(await sign())), 'unauthenticated')
    assert.equal(await outcome(verifier([], keys)(await sign())), 'unauthenticated')
    assert.equal(
      await outcome(createTokenVerifier({ appId, secrets: [secret], now: at(noon) })(await sign())),
      'unauthenticated',
    )
  })

  test(`a ${alg} token is asked for the same claims as any other`, async () => {
    const verify = verifier([alg], [jwk])
    assert.equal(await outcome(verify(await sign({ exp: noon / 1000 }))), 'token-expired')
    assert.equal(await outcome(verify(await sign({ iss: 'otherApp' }))), 'unauthenticated')
    assert.equal(await outcome(verify(await sign({ sub: 'guest:ann' }))), 'unauthenticated')
    assert.equal(await outcome(verify(await sign({ tokenType: 'app' }))), 'unauthenticated')
  })

  test(`a ${alg} token with another payload, or a signature of zeros, is refused`, async () => {
    const verify = verifier([alg], [jwk])
    const [header = '', payload = '', signature = ''] = (await sign()).split('.')
    const zeros = base64url(new Uint8Array(Buffer.from(signature, 'base64url').length))
    const other = base64url(JSON.stringify(claims({ sub: 'admin' })))
    assert.equal(await outcome(verify(`${header}.${other}.${signature}`)), 'unauthenticated')
    assert.equal(await outcome(verify(`${header}.${payload}.${zeros}`)), 'unauthenticated')
  })

  for (const { name, hmac } of backends)
    test(`a public ${alg} key is no secret: HS256 under its bytes is refused (${name})`, async () => {
      const { publicKey } = makers.find((one) => one.alg === alg) ?? assert.fail()
      const spki = await exportSPKI(publicKey)
      const keySet = { algorithms: [alg], resolve: createLocalJWKSet({ keys: [jwk] }) }
      for (const key of [
        spki,
        spki.trim(),
        Buffer.from(spki.replace(/-----[^-]+-----|\s/g, ''), 'base64'),
        JSON.stringify(jwk),
        Buffer.from(jwk.x ?? jwk.n ?? '', 'base64url'),
      ])
        for (const rules of [{ keySet }, { keySet, secrets: [secret] }])
          for (const algorithm of ['HS256', alg])
            assert.equal(
              await outcome(
                createTokenVerifier({ appId, now: at(noon), hmac, ...rules })(
                  forge(claims(), { alg: algorithm }, key),
                ),
              ),
              'unauthenticated',
            )
    })
}

test('a key set does not accept HS256 or none, even if its options list them', async () => {
  const key = new TextEncoder().encode(secret)
  for (const alg of ['HS256', 'none'] as never[]) {
    const verify = createTokenVerifier({
      appId,
      now: at(noon),
      keySet: { algorithms: [alg], resolve: () => Promise.resolve(key) },
    })
    assert.equal(await outcome(verify(forge(claims(), { alg }))), 'unauthenticated')
  }
})

test('secrets and a key set serve side by side', async () => {
  const [rsa] = makers
  assert(rsa)
  const verify = verifier(['RS256'], [rsa.jwk], { secrets: [secret] })
  assert.equal(await outcome(verify(await rsa.sign())), 'ok')
  assert.equal(await outcome(verify(forge(claims()))), 'ok')
})

test("an attacker's key brought along in the header is refused", async () => {
  const [own, attacker] = [await maker('ES256'), await maker('ES256')]
  const verify = verifier(['ES256'], [own.jwk])
  for (const header of [
    { jwk: attacker.jwk },
    { jku: 'https://attacker.example/' },
    { x5u: 'https://attacker.example/' },
  ])
    for (const one of [own, attacker])
      assert.equal(await outcome(verify(await one.sign({}, header))), 'unauthenticated')
})

test('while keys are rotated, tokens of both are good, with and without a key id', async () => {
  for (const ids of [['old', 'new'], []] as const) {
    const [old, fresh] = [await maker('ES256', ids[0]), await maker('ES256', ids[1])]
    const both = verifier(['ES256'], [old.jwk, fresh.jwk])
    assert.equal(await outcome(both(await old.sign())), 'ok')
    assert.equal(await outcome(both(await fresh.sign())), 'ok')
    assert.equal(await outcome(both(await (await maker('ES256', ids[0])).sign())), 'unauthenticated')
    assert.equal(await outcome(verifier(['ES256'], [fresh.jwk])(await old.sign())), 'unauthenticated')
  }
})

test('an RSA key that is too short verifies nothing', async () => {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(
    {
      name: 'RSASSA-PKCS1-v1_5',
      hash: 'SHA-256',
      modulusLength: 1024,
      publicExponent: new Uint8Array([1, 0, 1]),
    },
    true,
    ['sign', 'verify'],
  )
  const signed = `${base64url('{"alg":"RS256"}')}.${base64url(JSON.stringify(claims()))}`
  const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', privateKey, Buffer.from(signed))
  const token = `${signed}.${base64url(new Uint8Array(signature))}`
  assert.equal(await outcome(verifier(['RS256'], [await exportJWK(publicKey)])(token)), 'unauthenticated')
})

test('a key set that cannot be fetched is no verdict on the token, and the next fetch can succeed', async () => {
  const one = await maker('ES256', 'a')
  let answer: [status: number, body: string] = [500, '']
  const { url } = await startServer((_, response) => response.writeHead(answer[0]).end(answer[1]))
  const verify = createTokenVerifier({
    appId,
    now: at(noon),
    keySet: {
      algorithms: ['ES256'],
      resolve: createRemoteJWKSet(new URL(`${url}/jwks.json`)),
    },
  })
  const token = await one.sign()

  for (const broken of [
    [500, ''],
    [200, '<html>'],
    [200, '{}'],
  ] as const) {
    answer = [...broken]
    assert.equal(await outcome(verify(token)), 'unavailable')
  }
  assert.equal(await outcome(verify('bad token')), 'unauthenticated')
  answer = [200, JSON.stringify({ keys: [one.jwk] })]
  assert.equal(await outcome(verify(token)), 'ok')
  assert.equal(await outcome(verify(await (await maker('ES256', 'b')).sign())), 'unauthenticated')
})

test('a key set on a port without a server is unavailable', async () => {
  const resolve = createRemoteJWKSet(new URL(`http://127.0.0.1:${await freePort()}/`))
  const verify = createTokenVerifier({ appId, now: at(noon), keySet: { algorithms: ['ES256'], resolve } })
  assert.equal(await outcome(verify(await (await maker('ES256')).sign())), 'unavailable')
})
