import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLocalJWKSet, exportJWK, importSPKI } from 'jose'
import {
  createSignature,
  createToken,
  createTokenVerifier,
  verifySignature,
} from '../../../src/tokens/index.js'
import { appId, base64url, claims, secret } from '../../support/forged-tokens.js'

/** What a program writes when it is given `input`; a program that is not there fails the test by name. */
const run = (program: string, parameters: string[], input: string | Buffer = ''): Buffer => {
  const { error, status, stdout, stderr } = spawnSync(program, parameters, { input })
  if (error) assert.fail(`This test needs the program '${program}', which could not be run: ${error.message}`)
  assert.equal(status, 0, stderr.toString())
  return stdout
}

const verify = createTokenVerifier({ appId, secrets: [secret] })
const inAnHour = Math.floor(Date.now() / 1000) + 3600
const user = { name: 'Zoë 😀', photoUrl: 'https://example.com/zoë.png' }
const hex = Buffer.from(secret).toString('hex')

const python = (script: string, ...parameters: string[]): string =>
  run('python3', ['-c', script, ...parameters])
    .toString()
    .trim()

const pythonMaker = `
import base64, hashlib, hmac, json, sys
secret, claims, compact = sys.argv[1].encode(), json.loads(sys.argv[2]), sys.argv[3] == "compact"
def encode(data): return base64.urlsafe_b64encode(data).rstrip(b"=")
def text(value): return json.dumps(value, separators=(",", ":") if compact else None, ensure_ascii=not compact).encode()
signed = encode(text({"alg": "HS256", "typ": "JWT"})) + b"." + encode(text(claims))
print((signed + b"." + encode(hmac.new(secret, signed, hashlib.sha256).digest())).decode())
`

for (const style of ['compact', 'spaced and escaped'])
  test(`a token made by Python's standard library, ${style}, is good`, async () => {
    const made = python(
      pythonMaker,
      secret,
      JSON.stringify(claims({ iat: undefined, exp: inAnHour, user })),
      style,
    )
    const result = await verify(made)
    assert(result.ok, JSON.stringify(result))
    assert.equal(result.claims.userId, '12345')
    assert.deepEqual(result.claims.user, user)
  })

test('a token made by the openssl command is good', async () => {
  const payload = JSON.stringify(claims({ iat: undefined, exp: inAnHour, user }))
  const signed = `${base64url('{"typ":"JWT","alg":"HS256"}')}.${base64url(payload)}`
  const mac = run(
    'openssl',
    ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${hex}`, '-binary'],
    signed,
  )
  const result = await verify(`${signed}.${base64url(mac)}`)
  assert(result.ok, JSON.stringify(result))
  assert.deepEqual(result.claims.user, user)
})

test('a token signed by RS256 with the openssl command is good', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tokens-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'key.pem')
  writeFileSync(file, run('openssl', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']))
  const spki = run('openssl', ['pkey', '-in', file, '-pubout']).toString()
  const jwk = await exportJWK(await importSPKI(spki, 'RS256', { extractable: true }))
  const signed = `${base64url('{"alg":"RS256"}')}.${base64url(JSON.stringify(claims({ iat: undefined, exp: inAnHour })))}`
  const signature = run('openssl', ['dgst', '-sha256', '-sign', file, '-binary'], signed)

  const verifyRsa = createTokenVerifier({
    appId,
    keySet: { algorithms: ['RS256'], resolve: createLocalJWKSet({ keys: [jwk] }) },
  })
  const result = await verifyRsa(`${signed}.${base64url(signature)}`)
  assert(result.ok, JSON.stringify(result))
})

test("a signature made by Python's standard library or the openssl command is good", async () => {
  const id = 'Zoë 😀'
  const byPython = python(
    'import hashlib, hmac, sys; print(hmac.new(sys.argv[1].encode(), sys.argv[2].encode(), hashlib.sha256).hexdigest())',
    secret,
    id,
  )
  const byOpenssl = run('openssl', ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${hex}`, '-r'], id)
    .toString()
    .split(' ')[0]

  assert.equal(await verifySignature(id, byPython, [secret]), true)
  assert.equal(byPython, byOpenssl)
  assert.equal(byPython, await createSignature(id, secret))
})

test("a token made here verifies with Python's standard library", async () => {
  const token = await createToken({ appId, userId: 'Zoë', secret, user })
  const read = python(
    `
import base64, hashlib, hmac, sys
signed, signature = sys.argv[2].rsplit(".", 1)
decode = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
assert hmac.compare_digest(hmac.new(sys.argv[1].encode(), signed.encode(), hashlib.sha256).digest(), decode(signature))
sys.stdout.buffer.write(decode(signed.split(".")[1]))
`,
    secret,
    token,
  )
  const { sub, user: read_user } = JSON.parse(read) as Record<string, unknown>
  assert.deepEqual([sub, read_user], ['Zoë', user])
})
