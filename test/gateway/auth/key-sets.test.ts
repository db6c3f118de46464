import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import { openClient, startAs } from '../../support/raw-client.js'
import { startGateway } from '../../support/gateway.js'
import { startServer } from '../../support/network/http-server.js'
import { startOf } from '../../support/starts.js'
import { tokenFor } from '../../support/tokens.js'

const made = await Promise.all(
  (['RS256', 'ES256', 'EdDSA'] as const).map(async (alg) => ({ alg, ...(await generateKeyPair(alg)) })),
)
const published = await Promise.all(
  made.map(async ({ alg, publicKey }) => ({ ...(await exportJWK(publicKey)), alg, kid: alg, use: 'sig' })),
)

const keyOf = (alg: string): CryptoKey => {
  const pair = made.find((one) => one.alg === alg)
  assert.ok(pair)
  return pair.privateKey
}

/** An identity provider with a key set. Tests replace `answer`. */
const provider = { answer: () => ({ status: 200, body: JSON.stringify({ keys: published }) }), asked: 0 }
const { url: providerUrl } = await startServer((_, response) => {
  provider.asked += 1
  const { status, body } = provider.answer()
  response.writeHead(status, { 'content-type': 'application/json' }).end(body)
})
const keySet = `${providerUrl}/keys.json`

const tokenBy = (alg: string, key: CryptoKey, kid = alg): Promise<string> =>
  new SignJWT({ tokenType: 'user' })
    .setProtectedHeader({ alg, kid })
    .setIssuer('app')
    .setSubject('ada')
    .setExpirationTime('1h')
    .sign(key)

const run = (url: string, algorithms: ('RS256' | 'ES256' | 'EdDSA')[]) =>
  startGateway({ secrets: [], signatureSecrets: [], jwks: { url, algorithms } })

test('a token of a key that is not in the key set is unauthenticated', async () => {
  const { url } = await run(keySet, ['ES256'])
  const { privateKey } = await generateKeyPair('ES256')
  for (const kid of ['ES256', 'unknown']) {
    const start = await startOf('ada', { token: await tokenBy('ES256', privateKey, kid) })
    assert.equal((await openClient(url, { start }).end()).reason, 'unauthenticated')
  }
})

test('if the key set can’t be fetched, the start is unavailable, not unauthenticated', async () => {
  const token = await tokenBy('RS256', keyOf('RS256'))
  const { url } = await run('http://127.0.0.1:9/keys.json', ['RS256'])
  const { frame, code, reason } = await openClient(url, { start: await startOf('ada', { token }) }).end()
  assert.deepEqual([code, reason, frame['retryable']], [4503, 'unavailable', true])
})

test('if the key set can’t be fetched, a renewal is refused as unavailable, and the session continues', async () => {
  const answer = provider.answer
  const { url } = await startGateway({ jwks: { url: keySet, algorithms: ['RS256'] } })
  const client = await startAs(url, 'ada')
  provider.answer = () => ({ status: 503, body: '' })
  client.send({ type: 'token', token: await tokenBy('RS256', keyOf('RS256')) })
  const { re, code } = await client.next()
  assert.deepEqual([re, code], ['token', 'unavailable'])
  provider.answer = answer
})

test('a new key that may not be fetched yet is unavailable with retryAfter, for a start and for a renewal', async () => {
  const { url } = await startGateway({ jwks: { url: keySet, algorithms: ['RS256'] } })
  const end = async (kid: string) => {
    const token = await tokenBy('RS256', keyOf('RS256'), kid)
    return (await openClient(url, { start: await startOf('ada', { token }) }).end()).frame
  }
  assert.equal((await end('a stranger’s'))['code'], 'unauthenticated')
  const isWithin5s = (wait: unknown): boolean => Number(wait) > 0 && Number(wait) <= 5_000
  const { code, retryAfter } = await end('new')
  assert.deepEqual([code, isWithin5s(retryAfter)], ['unavailable', true])
  const client = await startAs(url, 'ada')
  client.send({ type: 'token', token: await tokenBy('RS256', keyOf('RS256'), 'new') })
  const refused = await client.next('refused')
  assert.deepEqual([refused['code'], isWithin5s(refused['retryAfter'])], ['unavailable', true])
})

test('the last token decides when a session expires, even if an earlier one takes longer to verify', async () => {
  const { url } = await startGateway({ jwks: { url: keySet, algorithms: ['RS256'] } })
  const client = await startAs(url, 'ada')
  // The first is valid for an hour and waits for the key set; the second is valid for two and waits for nothing.
  client.send(
    { type: 'token', token: await tokenBy('RS256', keyOf('RS256')) },
    { type: 'token', token: await tokenFor('ada', { expiresIn: 7_200 }) },
  )
  const [first, second] = [await client.next('renewed'), await client.next('renewed')]
  assert.ok((first['expiresIn'] as number) <= 3_600_000)
  assert.ok((second['expiresIn'] as number) > 3_600_000)
})

test('keys in the config verify tokens, and nothing is fetched', async () => {
  provider.asked = 0
  const { url } = await startGateway({
    secrets: [],
    signatureSecrets: [],
    jwks: { keys: published, algorithms: ['RS256', 'ES256'] },
  })
  for (const [alg, code] of [
    ['RS256', undefined],
    ['ES256', undefined],
    ['EdDSA', 'unauthenticated'],
  ] as const) {
    const client = openClient(url, { start: await startOf('ada', { token: await tokenBy(alg, keyOf(alg)) }) })
    const frame = await client.next()
    assert.equal(frame['code'], code)
    client.close()
  }
  const unknown = await startOf('ada', { token: await tokenBy('ES256', keyOf('ES256'), 'unknown') })
  assert.equal((await openClient(url, { start: unknown }).end()).reason, 'unauthenticated')
  assert.equal(provider.asked, 0)
})
