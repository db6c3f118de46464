import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { createTokenVerifier, TokenError, verifyToken, type TokenRules } from '../../src/tokens/index.js'
import {
  appId,
  at,
  backends,
  base64url,
  claims,
  forge,
  noon,
  otherSecret,
  outcome,
  secret,
} from '../support/forged-tokens.js'

for (const { name, hmac } of backends) {
  const rules = { appId, secrets: [secret], now: at(noon), hmac }
  const verify = createTokenVerifier(rules)
  const says = (sentence: string, run: () => Promise<void>) => {
    void test(`${sentence} (${name})`, run)
  }
  const refused = async (token: string, code = 'unauthenticated') =>
    assert.equal(await outcome(verify(token)), code)

  says('a good token says who the user is and how long it is good for', async () => {
    assert.deepEqual(await verify(forge(claims({ user: { name: 'Ann' }, aud: 'any', jti: 7 }))), {
      ok: true,
      claims: {
        userId: '12345',
        user: { name: 'Ann' },
        tokenId: null,
        issuedAt: noon,
        expiresAt: noon + 3_600_000,
      },
    })
  })

  says("a token's jti is its id, and its dates may have milliseconds", async () => {
    const result = await verify(forge(claims({ jti: 'one', iat: noon / 1000 - 0.877 })))
    assert(result.ok)
    assert.deepEqual([result.claims.tokenId, result.claims.issuedAt], ['one', noon - 877])
  })

  says('a token without typ and iat is good, as other makers leave them out', async () => {
    const result = await verify(forge(claims({ iat: undefined }), { alg: 'HS256' }))
    assert(result.ok)
    assert.equal(result.claims.issuedAt, null)
  })

  says('typ and header order are not a matter of spelling', async () => {
    assert.equal(
      await outcome(verify(forge(claims(), '{ "typ":"jwt",\r\n "alg":"HS256", "kid":"1" }'))),
      'ok',
    )
  })

  says('a token that nests deeper than 64 levels is refused, and rejects no promise', async () => {
    const nest = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    for (const depth of [64, 100, 3_400, 4_900, 8_000])
      for (const pad of ['', ' ', '"a":1,"a":2,']) {
        await refused(forge(`{${pad.trim()}"x":${pad === ' ' ? ' ' : ''}${nest(depth)}}`))
        await refused(forge(claims(), `{"alg":"HS256",${pad.trim()}"x":${nest(depth)}}`))
      }
    assert.equal(await outcome(verify(forge(claims({ x: JSON.parse(nest(63)) as unknown })))), 'ok')
  })

  says('while secrets are rotated, each of them verifies, and a retired one does not', async () => {
    const both = createTokenVerifier({ ...rules, secrets: [otherSecret, secret] })
    const onlyNew = createTokenVerifier({ ...rules, secrets: [otherSecret] })

    assert.equal(await outcome(both(forge(claims()))), 'ok')
    assert.equal(await outcome(both(forge(claims(), undefined, otherSecret))), 'ok')
    assert.equal(await outcome(onlyNew(forge(claims()))), 'unauthenticated')
  })

  says("a token signed with another app's secret is refused", async () => {
    await refused(forge(claims(), undefined, otherSecret))
  })

  for (const alg of [
    'none',
    'None',
    'NONE',
    'nOnE',
    '',
    'hs256',
    'HS384',
    'HS512',
    'RS256',
    'HS256 ',
    null,
    1,
    ['HS256'],
  ])
    says(`a token whose alg is ${JSON.stringify(alg)} is refused though its HMAC is right`, async () => {
      await refused(forge(claims(), { alg, typ: 'JWT' }))
    })

  says('a token without a signature is refused, whatever its header says', async () => {
    for (const alg of ['none', 'HS256']) {
      const signed = `${base64url(JSON.stringify({ alg }))}.${base64url(JSON.stringify(claims()))}`
      for (const token of [`${signed}.`, signed, `${signed}.AA`]) await refused(token)
    }
  })

  says('half a signature, and a signature with more behind it, are refused', async () => {
    const token = forge(claims())
    const [header = '', payload = '', signature = ''] = token.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    for (const other of [
      bytes.subarray(0, 16),
      bytes.subarray(0, 31),
      Buffer.concat([bytes, bytes]),
      Buffer.alloc(32),
    ])
      await refused(`${header}.${payload}.${base64url(other)}`)
  })

  says('an empty secret, or one of zeros, verifies nothing', async () => {
    for (const empty of ['', '\0', '\0'.repeat(64)]) {
      const open = createTokenVerifier({ ...rules, secrets: [empty] })
      for (const key of ['', empty])
        assert.equal(await outcome(open(forge(claims(), undefined, key))), 'unauthenticated')
    }
    const unset = createTokenVerifier({ ...rules, secrets: [undefined as never] })
    assert.equal(await outcome(unset(forge(claims(), undefined, 'undefined'))), 'unauthenticated')
    assert.equal(
      await outcome(createTokenVerifier({ ...rules, secrets: [] })(forge(claims(), undefined, ''))),
      'unauthenticated',
    )
  })

  for (const [what, value] of Object.entries({
    crit: ['exp'],
    cty: 'JWT',
    b64: true,
    jwk: { kty: 'oct', k: base64url(secret) },
    jku: 'https://attacker.example/jwks.json',
    x5u: 'https://attacker.example/cert.pem',
    x5c: ['MIIB'],
  }))
    says(`a token whose header has ${what} is refused`, async () => {
      await refused(forge(claims(), { alg: 'HS256', typ: 'JWT', [what]: value }))
      await refused(forge(claims(), { alg: 'HS256', typ: 'JWT', [what]: null }))
    })

  for (const typ of ['at+jwt', 'dpop+jwt', 'JOSE', '', null, ['JWT']])
    says(
      `a JWT of the kind ${JSON.stringify(typ)} is refused, as it was made for something else`,
      async () => {
        await refused(forge(claims(), { alg: 'HS256', typ }))
      },
    )

  says('a kid that is not text is refused', async () => {
    await refused(forge(claims(), { alg: 'HS256', kid: { $ne: '' } }))
  })

  const misfits: [string, Record<string, unknown>][] = [
    ["a backend's REST token", { tokenType: 'app' }],
    ["a gateway's token", { tokenType: 'gateway' }],
    ['a token without tokenType', { tokenType: undefined }],
    ['a token with two types', { tokenType: ['user'] }],
    ["another app's token", { iss: 'otherApp' }],
    ['a token whose iss differs in case', { iss: 'HF83JAQ' }],
    ['a token without iss', { iss: undefined }],
    ['a token whose iss is a list', { iss: [appId] }],
    ['a token without sub', { sub: undefined }],
    ['a token whose sub is a fraction', { sub: 1.5 }],
    ['a token whose sub is a list', { sub: [12345] }],
    ['a token whose sub is empty', { sub: '' }],
    ['a token whose sub is half a character', { sub: '\ud800' }],
    ['a token whose sub has a zero in it', { sub: '12345\0' }],
    ['a token whose sub is too long', { sub: 'a'.repeat(256) }],
    ["a user token for a guest's id", { sub: 'guest:ann' }],
    ['a token without exp', { exp: undefined }],
    ['a token whose exp is null', { exp: null }],
    ['a token whose exp is text', { exp: '9999999999' }],
    ['a token whose exp is a list', { exp: [9999999999] }],
    ['a token whose exp is negative', { exp: -1 }],
    ['a token whose exp no date can hold', { exp: 1e300 }],
    ['a token whose iat is text', { iat: '1' }],
    ['a token whose iat is null', { iat: null }],
    ['a token whose nbf is true', { nbf: true }],
    ['a profile that is text', { user: 'Ann' }],
    ['a profile that is null', { user: null }],
    ['a profile with a name that is a number', { user: { name: 1 } }],
    ['a profile with a list as custom', { user: { custom: ['a'] } }],
    ['a profile over 4096 bytes', { user: { name: 'ä'.repeat(2048) } }],
    ['a profile whose name has half of a surrogate pair', { user: { name: 'Ada \ud800' } }],
    ['a profile with half of a surrogate pair in custom', { user: { custom: { bio: '\udc00' } } }],
    ['a profile with half of a surrogate pair as a name in custom', { user: { custom: { '\ud83d': '' } } }],
    ['a photo over http', { user: { photoUrl: 'http://example.com/a.png' } }],
    ['a photo without a host', { user: { photoUrl: 'https://[::1/a.png' } }],
    ['a photo that is data', { user: { photoUrl: 'data:image/png;base64,AAAA' } }],
    ['a photo whose address has a tab in it', { user: { photoUrl: 'ht\ttps://example.com/' } }],
  ]
  for (const [what, changes] of misfits)
    says(`${what} is refused`, async () => {
      await refused(forge(claims(changes)))
    })

  says('a sub that is a safe integer counts as its digits', async () => {
    for (const sub of [12345, 0, -7, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
      const result = await verify(forge(claims({ sub })))
      assert(result.ok, `${sub}`)
      assert.equal(result.claims.userId, `${sub}`)
    }
  })

  says('of any other sub that is no user id, the refusal says what a sub must be', async () => {
    // JSON.parse would read this number as …992, another user's.
    const large = JSON.stringify(claims({ sub: 42 })).replace('"sub":42', '"sub":9007199254740993')
    for (const payload of [large, ...[1.5, true, null, '', { id: 1 }].map((sub) => claims({ sub }))]) {
      const result = await verify(forge(payload))
      assert(!result.ok)
      assert.match(result.why, /^The token's 'sub' must be 1 to 255 bytes .*; or a safe integer, .*\.$/)
    }
  })

  says('dates that JSON can write and no clock can show are refused', async () => {
    for (const claim of ['exp', 'iat', 'nbf'])
      for (const number of ['1e999', '-1e999', '-1'])
        await refused(
          forge(JSON.stringify(claims({ [claim]: 42 })).replace(`"${claim}":42`, `"${claim}":${number}`)),
        )
  })

  says(
    'dates in milliseconds are refused with a sentence that says so; the year 9999 is a date',
    async () => {
      for (const claim of ['exp', 'iat', 'nbf']) {
        const result = await verify(forge(claims({ [claim]: noon })))
        assert.ok(!result.ok)
        assert.match(result.why, /in milliseconds: give seconds\.$/)
      }
      assert.equal(await outcome(verify(forge(claims({ exp: 253_402_300_799 })))), 'ok')
    },
  )

  says('a token expires exactly at its exp', async () => {
    const token = forge(claims({ exp: noon / 1000 }))
    const verifyAt = (time: number) => outcome(createTokenVerifier({ ...rules, now: at(time) })(token))

    assert.equal(await verifyAt(noon - 1), 'ok')
    assert.equal(await verifyAt(noon), 'token-expired')
    assert.equal(await verifyAt(noon + 1e9), 'token-expired')
  })

  says('an expired token with a wrong signature is unauthenticated, not token-expired', async () => {
    await refused(forge(claims({ exp: 1 }), undefined, otherSecret))
    await refused(forge(claims({ exp: 1 })), 'token-expired')
  })

  says("a maker's clock may be 30 s ahead and no more", async () => {
    for (const claim of ['iat', 'nbf']) {
      assert.equal(await outcome(verify(forge(claims({ [claim]: noon / 1000 + 30 })))), 'ok')
      await refused(forge(claims({ [claim]: noon / 1000 + 30.001 })))
    }
  })

  says('a clock that is broken accepts nothing', async () => {
    const broken = createTokenVerifier({ ...rules, now: at(NaN) })
    for (const iat of [noon / 1000, undefined])
      assert.notEqual(await outcome(broken(forge(claims({ iat })))), 'ok')
  })

  says('an app may accept tokens that never expire', async () => {
    const result = await verifyToken(forge(claims({ exp: undefined })), { ...rules, requireExpiry: false })
    assert(result.ok)
    assert.equal(result.claims.expiresAt, null)
  })

  says('a token has one spelling: padding, blanks, another alphabet and spare bits are refused', async () => {
    const token = forge(claims())
    const [header = '', payload = '', signature = ''] = token.split('.')
    assert.equal(await outcome(verify(token)), 'ok')
    const spare = signature.slice(0, -1) + String.fromCharCode(signature.charCodeAt(42) + 1)
    assert.deepEqual(Buffer.from(spare, 'base64url'), Buffer.from(signature, 'base64url'))
    for (const other of [
      `${token}=`,
      `${token}\n`,
      ` ${token}`,
      `${header}.${payload}.${signature} `,
      `${header}.${payload}.${spare}`,
      `${header}=.${payload}.${signature}`,
      `${header}\n.${payload}.${signature}`,
      `${token}.`,
      `.${token}`,
      `${token}.${signature}`,
      `${header}.${payload}..${signature}`,
      `..`,
      '',
      `Bearer ${token}`,
      `${header}.${payload}.${signature}A`,
    ])
      await refused(other)
  })

  says('padding and spare bits are refused though the maker signed them', async () => {
    const sign = (signed: string) =>
      `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
    const header = base64url('{"alg":"HS256"}')
    let spares = 0
    for (const sub of ['a', 'ab', 'abc']) {
      const payload = base64url(JSON.stringify(claims({ sub })))
      assert.equal(await outcome(verify(sign(`${header}.${payload}`))), 'ok')
      for (const blank of ['=', '==', ' ', '\n', '+', '/'])
        await refused(sign(`${header}.${payload}${blank}`))
      if (payload.length % 4 === 0) continue
      // The unused bits of the last character are set here. In a canonical token they are zero.
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      const next = alphabet.charAt(alphabet.indexOf(payload.slice(-1)) + 1)
      await refused(sign(`${header}.${payload.slice(0, -1)}${next}`))
      spares += 1
    }
    assert.equal(spares, 2)
  })

  says('bytes that are not UTF-8, and a byte order mark, are refused', async () => {
    const json = Buffer.from(JSON.stringify(claims({ sub: 'a?' })))
    json[json.indexOf('?')] = 0xff
    await refused(forge(json))
    await refused(
      forge(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(JSON.stringify(claims()))])),
    )
    await refused(forge(claims(), Buffer.from('{"alg":"HS256","kid":"\xc0"}', 'latin1')))
  })

  says('a payload or header that is not a JSON object is refused', async () => {
    for (const json of [
      '[]',
      'null',
      '"text"',
      '1',
      '{',
      '',
      '{}x',
      JSON.stringify(JSON.stringify(claims())),
    ]) {
      await refused(forge(json))
      await refused(forge(claims(), json))
    }
  })

  says('a name that stands twice is refused, however it is spelled', async () => {
    const json = JSON.stringify(claims())
    for (const twice of [
      json.replace('{', '{"sub":"admin",'),
      json.replace('{', '{ "s\\u0075b" : "admin", '),
      json.replace('{', '{"user":{"name":"a","name":"b"},'),
      json.replace('{', '{"list":[{"a":1,"b":[{}],"a":2}],'),
    ])
      await refused(forge(twice))
    await refused(forge(claims(), '{"alg":"none","alg":"HS256"}'))
  })

  says('the same name in two objects, or a name that looks like more, is fine', async () => {
    const json = JSON.stringify(
      claims({ user: { name: 'a","sub":"x', custom: { name: '"sub":{[\\', sub: '\\"' } } }),
    )
    assert.equal(await outcome(verify(forge(json.replace('{', '{ ')))), 'ok')
  })

  says('a prototype in the payload changes nothing', async () => {
    await refused(forge(`{"__proto__":${JSON.stringify(claims())}}`))
    await refused(forge(claims(), '{"__proto__":{"alg":"HS256"}}'))
  })

  says('a token of the largest profile and id fits though its maker escapes every letter', async () => {
    const escaped = JSON.stringify(
      claims({ sub: 'ä'.repeat(127), user: { name: 'ä'.repeat(2042) } }),
    ).replaceAll('ä', '\\u00e4')
    assert.equal(await outcome(verify(forge(escaped))), 'ok')
    await refused(forge(claims({ junk: 'x'.repeat(20_000) })))
  })

  says('what is said about a bad token holds no part of the token', async () => {
    const evil = 'EVIL'
    for (const token of [
      evil,
      forge(evil),
      forge(claims(), { alg: evil }),
      forge(claims(), { alg: 'HS256', typ: evil }),
      forge(claims(), { alg: 'HS256', [evil]: 1, jwk: evil }),
      forge(claims({ iss: evil })),
      forge(claims({ tokenType: evil })),
      forge(claims({ sub: `guest:${evil}` })),
      forge(claims({ exp: evil })),
      forge(claims({ user: { photoUrl: evil } })),
      forge(claims(), undefined, evil),
    ]) {
      const result = await verify(token)
      assert(!result.ok)
      assert(!/EVIL|RVZJT|sk_test/.test(result.why), result.why)
      for (const part of token.split('.')) assert(!result.why.includes(part))
    }
  })

  says('what is no text is refused like any bad token', async () => {
    for (const value of [undefined, null, 5, {}, [forge(claims())], Buffer.from(forge(claims()))])
      await refused(value as never)
  })
}

test('rules that name no app are a mistake in the code, and said to be one', async () => {
  const rules = { appId: undefined as never, secrets: [secret] } satisfies TokenRules
  const isMistake = (error: unknown) => error instanceof TokenError && error.code === 'bad-app-id'

  assert.throws(() => createTokenVerifier(rules), isMistake)
  await assert.rejects(verifyToken(forge(claims({ iss: undefined })), rules), isMistake)
})

test("the host's HMAC is asked once for a token, and not at all for one that is refused unread", async () => {
  let asked = 0
  const verify = createTokenVerifier({
    appId,
    secrets: [secret, otherSecret],
    now: at(noon),
    hmac: (key, data) => {
      asked += 1
      return backends[1].hmac(key, data)
    },
  })
  await verify(forge(claims()))
  assert.equal(asked, 1)
  await verify('a.b.c')
  await verify(forge(claims(), { alg: 'none' }))
  assert.equal(asked, 1)
})

test('a verifier imports its keys once', async (t) => {
  const importKey = t.mock.method(crypto.subtle, 'importKey')
  const verify = createTokenVerifier({ appId, secrets: [otherSecret, secret], now: at(noon) })
  for (let round = 0; round < 3; round += 1) assert.equal(await outcome(verify(forge(claims()))), 'ok')
  assert.equal(importKey.mock.callCount(), 2)
})
