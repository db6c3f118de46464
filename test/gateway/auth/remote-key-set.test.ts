// Key sets that are fetched from a server which fails, hangs, rotates its keys or disappears. Requests are counted.
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, mock, test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createTokenVerifier } from '../../../src/tokens/index.js'
import { createRemoteKeySet, type RemoteKeySetOptions } from '../../../src/gateway/auth/remote-key-set.js'
import { startServer } from '../../support/network/http-server.js'
import { appId } from '../../support/tokens.js'
import { until } from '../../support/until.js'

const signer = async (kid: string) => {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  return {
    jwk: { ...(await exportJWK(publicKey)), alg: 'ES256', kid },
    token: (changed = kid): Promise<string> =>
      new SignJWT({ tokenType: 'user' })
        .setProtectedHeader({ alg: 'ES256', kid: changed })
        .setIssuer(appId)
        .setSubject('ada')
        .setExpirationTime('1h')
        .sign(privateKey),
  }
}

const [first, second] = [await signer('first'), await signer('second')]
const HOUR = 3_600_000

const { now } = performance
let skipped = 0
mock.method(performance, 'now', () => now.call(performance) + skipped)
/** Makes the monotonic clock go forward at once. */
const skip = (milliseconds: number): void => void (skipped += milliseconds)

/** Starts a server of a key set and a verifier that fetches from it. Tests replace `respond`. */
const run = async (options: Partial<RemoteKeySetOptions> = {}) => {
  const life = new AbortController()
  after(() => life.abort())
  const failures: string[] = []
  let keys: object[] = [first.jwk]
  const respondWell = (response: ServerResponse): unknown => response.end(JSON.stringify({ keys }))
  const state = { requests: 0, respond: respondWell }
  const listener = (_: unknown, response: ServerResponse): void => {
    state.requests += 1
    state.respond(response)
  }
  const server = await startServer(listener)
  const set = createRemoteKeySet(`${server.url}/keys.json`, {
    signal: life.signal,
    onError: (error) => failures.push(String(error)),
    refreshInterval: HOUR,
    retryInterval: HOUR,
    ...options,
  })
  const verify = createTokenVerifier({ appId, keySet: { algorithms: ['ES256'], resolve: set.resolve } })
  return {
    state,
    server,
    set,
    life,
    failures,
    respondWell,
    restart: () => startServer(listener, server.port),
    publish: (...signers: (typeof first)[]) => void (keys = signers.map(({ jwk }) => jwk)),
    outcome: async (token: Promise<string>): Promise<string> => {
      const result = await verify(await token)
      return result.ok ? 'ok' : result.code
    },
    /** Returns the `retryAfter` of a token that must be `unavailable`. */
    retryAfter: async (token: Promise<string>): Promise<number> => {
      const result = await verify(await token)
      assert.ok(!result.ok && result.code === 'unavailable')
      return result.retryAfter ?? -1
    },
  }
}

test('the keys are fetched when the first token comes, once for a crowd, and then kept', async () => {
  const { state, set, outcome } = await run()
  assert.equal(state.requests, 0)
  assert.equal(set.age(), null)
  const crowd = await Promise.all(Array.from({ length: 50 }, () => outcome(first.token())))
  assert.deepEqual(new Set(crowd), new Set(['ok']))
  assert.equal(await outcome(first.token()), 'ok')
  assert.equal(state.requests, 1)
  assert.ok((set.age() ?? -1) >= 0)
})

test('a flood of unknown key ids costs one fetch, also while that fetch runs', async () => {
  const { state, outcome } = await run()
  assert.equal(await outcome(first.token()), 'ok')
  // The outcomes are sorted, because the tokens are signed in any order.
  const flood = async (from: number) =>
    (
      await Promise.all(Array.from({ length: 50 }, (_, index) => outcome(first.token(`${from + index}`))))
    ).sort()
  // The fetch began for the first key id that came. The others came later: their keys may be newer than the answer.
  const others = Array.from({ length: 49 }, () => 'unavailable')
  assert.deepEqual(await flood(0), ['unauthenticated', ...others])
  assert.deepEqual(await flood(50), ['unavailable', ...others])
  assert.equal(state.requests, 2)
})

test('a key that is published after a stranger’s unknown key id has caused a fetch is unavailable until the next fetch, and then good', async () => {
  const { state, publish, outcome, retryAfter } = await run()
  assert.equal(await outcome(first.token()), 'ok')
  assert.equal(await outcome(first.token('a stranger’s')), 'unauthenticated')
  publish(first, second)
  const wait = await retryAfter(second.token())
  assert.ok(wait > 0 && wait <= HOUR)
  assert.equal(await outcome(second.token()), 'unavailable')
  assert.equal(state.requests, 2)
  skip(wait)
  assert.equal(await outcome(second.token()), 'ok')
  assert.equal(state.requests, 3)
})

test('a key id that is still unknown after the next fetch is unauthenticated, even if another key id has caused that fetch', async () => {
  const { state, outcome } = await run()
  assert.equal(await outcome(first.token()), 'ok')
  assert.equal(await outcome(first.token('one')), 'unauthenticated')
  assert.equal(await outcome(first.token('two')), 'unavailable')
  skip(HOUR)
  assert.equal(await outcome(first.token('three')), 'unauthenticated')
  assert.equal(state.requests, 3)
  assert.equal(await outcome(first.token('two')), 'unauthenticated')
})

test('of the unknown key ids a thousand are remembered; an older one counts as new', async () => {
  const { state, outcome } = await run()
  assert.equal(await outcome(first.token()), 'ok')
  for (let i = 0; i < 2; i++) assert.equal(await outcome(first.token('one')), 'unauthenticated')
  for (let i = 0; i < 1_000; i++) await outcome(first.token(`flood ${i}`))
  assert.equal(await outcome(first.token('one')), 'unavailable')
  assert.equal(state.requests, 2)
})

test('the keys are refreshed in the background, so that a withdrawn key is soon good no more', async () => {
  const { publish, outcome } = await run({ refreshInterval: 50 })
  assert.equal(await outcome(first.token()), 'ok')
  publish(second)
  await until('the first key is withdrawn', () => outcome(first.token()), 'unauthenticated')
  assert.equal(await outcome(second.token()), 'ok')
})

test('while the server is away the old keys stay good, an unknown key is unavailable, and the new keys come by themselves', async () => {
  const { state, server, failures, publish, restart, outcome } = await run({
    refreshInterval: 50,
    retryInterval: 50,
  })
  assert.equal(await outcome(first.token()), 'ok')
  await server.close()
  await until('two fetches have failed', () => failures.length >= 2)
  assert.equal(await outcome(first.token()), 'ok')
  assert.equal(await outcome(second.token()), 'unavailable')
  assert.match(failures[0] ?? '', /ECONNREFUSED|ECONNRESET|UND_ERR_SOCKET/)
  publish(first, second)
  const before = state.requests
  await restart()
  await until('the server is asked again', () => state.requests > before)
  await until('the new key is known', () => outcome(second.token()), 'ok')
})

const failing: [what: string, respond: (response: ServerResponse) => unknown, error: RegExp][] = [
  ['answers 500', (response) => response.writeHead(500).end(), /status 500/],
  ['answers with a page', (response) => response.end('<html>s3cret'), /not JSON/],
  ['answers with another object', (response) => response.end('{"keys":1}'), /malformed/],
  ['nests deep', (response) => response.end('['.repeat(9_999) + ']'.repeat(9_999)), /nested too deep/],
  ['never answers', () => undefined, /within 1000 ms/],
  ['answers too much', (response) => response.end(JSON.stringify(' '.repeat(600_000))), /larger than/],
  [
    'redirects',
    (response) => response.writeHead(302, { location: 'http://127.0.0.1:9/keys.json' }).end(),
    /status 302/,
  ],
]
for (const [what, respond, error] of failing)
  test(`a server that ${what} costs one fetch in an interval, and says nothing about tokens`, async () => {
    const { state, failures, respondWell, outcome } = await run({ timeout: 1_000 })
    state.respond = respond
    const crowd = await Promise.all(Array.from({ length: 20 }, () => outcome(first.token())))
    assert.deepEqual(new Set(crowd), new Set(['unavailable']))
    state.respond = respondWell
    assert.equal(await outcome(first.token()), 'unavailable')
    assert.equal(state.requests, 1)
    assert.equal(failures.length, 1)
    assert.match(failures[0] ?? '', error)
    assert.doesNotMatch(failures[0] ?? '', /s3cret/)
  })

test('a server that fails at first is asked again by itself', async () => {
  const { state, respondWell, outcome } = await run({ retryInterval: 50 })
  state.respond = (response) => response.writeHead(503).end()
  assert.equal(await outcome(first.token()), 'unavailable')
  state.respond = respondWell
  await until('the keys are there', () => outcome(first.token()), 'ok')
})

test('nothing is fetched any more when the gateway is closed', async () => {
  const intervals = { refreshInterval: 20, retryInterval: 20 }
  const [closed, other] = [await run(intervals), await run(intervals)]
  for (const { outcome } of [closed, other]) assert.equal(await outcome(first.token()), 'ok')
  closed.life.abort()
  const requests = { closed: closed.state.requests, other: other.state.requests }
  await until('another set was refreshed five times', () => other.state.requests >= requests.other + 5)
  // One fetch may have been running when the server closed.
  assert.ok(closed.state.requests <= requests.closed + 1)
  assert.deepEqual(closed.failures, [])
})

test('a token whose key is in the set but can’t be used is unavailable, and the failure is reported', async () => {
  const { failures, outcome, publish } = await run()
  publish(first, { ...second, jwk: { ...second.jwk, x: 'AA' } })
  assert.equal(await outcome(second.token()), 'unavailable')
  assert.deepEqual(failures, ["Error: The key set has a key that can't be used."])
  assert.equal(await outcome(first.token()), 'ok')
  assert.equal(await outcome(first.token('unknown')), 'unauthenticated')
  assert.equal(failures.length, 1)
})
