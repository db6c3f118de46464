// Runs the code of docs/OIDC.md with an identity provider, gateways and live sessions.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { WebSocket } from 'ws'
import { ChatSession } from '../../src/session/index.js'
import { freePort } from '../support/network/free-port.js'
import { startGateway } from '../support/gateway.js'
import { startServer } from '../support/network/http-server.js'
import { scratchFolder } from '../support/scratch-folder.js'
import { appId, secret, tokenFor } from '../support/tokens.js'
import { until } from '../support/until.js'
import {
  CLIENT,
  ec,
  EVENT,
  hs256,
  keySet,
  now,
  provider,
  rs256,
  rsa,
  rsaJwk,
  sign,
  signByHand,
  stranger,
} from './identity-provider.js'

const root = new URL('../../', import.meta.url)
const page = readFileSync(new URL('docs/OIDC.md', root), 'utf8')

const files = new Map(
  [...page.matchAll(/`([\w-]+\.js)`[^\n]*(?:\n[^\n]+)*:?\n[^`]*\n```js\n(.*?)^```$/gms)].map(
    ([, file = '', code = '']) => [file, code],
  ),
)

const folder = scratchFolder()
mkdirSync(join(folder, 'node_modules'))
symlinkSync(fileURLToPath(root), join(folder, 'node_modules/chat-session'))
symlinkSync(fileURLToPath(new URL('node_modules/jose', root)), join(folder, 'node_modules/jose'))
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
writeFileSync(
  join(folder, 'site-sessions.js'),
  'export const ended = []\nexport const endSiteSessions = async (claims) => ended.push(claims)\n',
)
for (const [file, code] of files) writeFileSync(join(folder, file), code)

/** Each `query` makes an instance of its own. */
const load = (file: string, query = ''): Promise<unknown> =>
  import(pathToFileURL(join(folder, file)).href + query)

interface Backend {
  backchannelLogout: RequestListener
  usedTokens: Map<string, number>
}

let instances = 0

/** Starts the page's code on a server, with memory of its own, for the gateway at `endpoint`. */
const startBackend = async (endpoint: string): Promise<Backend & { url: string }> => {
  Object.assign(process.env, {
    OIDC_ISSUER: provider.url,
    OIDC_CLIENT_ID: CLIENT,
    OIDC_JWKS_URL: `${provider.url}/jwks`,
    CHAT_ENDPOINT: endpoint,
    CHAT_APP_ID: appId,
    CHAT_SECRET: secret,
  })
  const backend = (await load('backchannel-logout.js', `?${instances++}`)) as Backend
  return { ...backend, url: (await startServer(backend.backchannelLogout)).url }
}

const gateway = await startGateway()
const backend = await startBackend(gateway.url)
const { chatToken } = (await load('chat-tokens.js')) as {
  chatToken: (userId: string, sid: string) => Promise<string | null>
}
const { ended } = (await load('site-sessions.js')) as { ended: { sub?: string; sid?: string }[] }

interface Answer {
  status: number
  cacheControl: string | null
  body: { error?: string; error_description?: string } | null
}

const post = async (url: string, body: BodyInit | null, init: RequestInit = {}): Promise<Answer> => {
  const response = await fetch(url, { method: 'POST', body, ...init })
  const text = await response.text()
  return {
    status: response.status,
    cacheControl: response.headers.get('cache-control'),
    body: text === '' ? null : (JSON.parse(text) as Answer['body']),
  }
}

const send = (token: string, { url }: { url: string } = backend): Promise<Answer> =>
  post(url, new URLSearchParams({ logout_token: token }))

/** Makes a session that ends with the tests. */
const createSession = (token: string, endpoint: string): ChatSession => {
  const session = new ChatSession({
    endpoint,
    appId,
    token,
    WebSocket,
  })
  after(() => session.end())
  return session
}

const startSession = async (token: string, endpoint = gateway.url): Promise<ChatSession> => {
  const session = createSession(token, endpoint)
  const result = await session.start()
  assert.ok(result.succeeded)
  return session
}

const userSession = async (userId: string): Promise<ChatSession> => startSession(await tokenFor(userId))

const sidSession = async (userId: string, sid: string): Promise<ChatSession> =>
  startSession((await chatToken(userId, sid)) ?? assert.fail('The session has ended.'))

const assertRevoked = async (session: ChatSession): Promise<void> => {
  await until('the state', () => session.state, 'ended', 1_000)
  assert.equal(session.error?.code, 'revoked')
}

test('the page has the code of both files', () => {
  assert.deepEqual([...files.keys()], ['backchannel-logout.js', 'chat-tokens.js'])
  assert.equal(page.match(/^```\w/gm)?.length, files.size)
})

test('a logout token with a `sub` ends all of the user’s sessions as revoked, and nobody else’s', async () => {
  const [one, two, other] = [await userSession('ada'), await userSession('ada'), await userSession('bob')]
  const token = await sign({ sub: 'ada' })
  assert.deepEqual(await send(token), { status: 200, cacheControl: 'no-store', body: null })
  await assertRevoked(one)
  await assertRevoked(two)
  assert.equal(other.state, 'active')
  assert.deepEqual(ended.at(-1), { sub: 'ada', sid: undefined })
})

test('tokens that the specification allows are accepted', async () => {
  const tokens: Record<string, (sub: string) => string | Promise<string>> = {
    'no typ': (sub) => sign({ sub }, { typ: undefined }),
    'the long typ': (sub) => sign({ sub }, { typ: 'application/logout+jwt' }),
    'several audiences': (sub) => sign({ sub, aud: ['another', CLIENT] }),
    ES256: (sub) => sign({ sub }, { alg: 'ES256', kid: 'ec' }, ec.privateKey),
    'a clock that is 20 s ahead': (sub) => sign({ sub, iat: now() + 20 }),
    'a clock that is 20 s behind': (sub) => sign({ sub, exp: now() - 20 }),
    'made by hand': (sub) => signByHand(sub, { alg: 'RS256' }, rs256),
  }
  for (const [name, tokenOf] of Object.entries(tokens)) {
    const session = await userSession(name)
    assert.equal((await send(await tokenOf(name))).status, 200, name)
    await assertRevoked(session)
  }
})

test('a logout token with a `sid` ends the sessions of this `sid`, and no other session of the user', async () => {
  const [first, second] = [await sidSession('dana', 'laptop'), await sidSession('dana', 'laptop')]
  const [phone, tablet] = [await sidSession('dana', 'phone'), await sidSession('dana', 'tablet')]
  const unused = (await chatToken('dana', 'laptop')) ?? ''
  assert.equal((await send(await sign({ sid: 'laptop' }))).status, 200)
  await assertRevoked(first)
  await assertRevoked(second)
  assert.equal(phone.state, 'active')
  assert.equal(await chatToken('dana', 'laptop'), null, 'no more tokens are made')
  const result = await createSession(unused, gateway.url).start()
  assert.ok(!result.succeeded && result.error.code === 'unauthenticated')
  assert.equal((await send(await sign({ sub: 'dana', sid: 'phone' }))).status, 200)
  await assertRevoked(phone)
  assert.equal(tablet.state, 'active')
})

test('a `sid` without tokens logs the user out everywhere if there is a `sub`, and is no error without it', async () => {
  const session = await userSession('emil')
  assert.equal((await send(await sign({ sid: 'unknown' }))).status, 200)
  assert.equal(session.state, 'active')
  assert.equal((await send(await sign({ sub: 'emil', sid: 'unknown' }))).status, 200)
  await assertRevoked(session)
})

test('a token that is forged, expired, no logout token or not for this client is 400, and the session lives', async () => {
  const session = await userSession('fay')
  const sub = 'fay'
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const good = await sign({ sub })
  const tokens: Record<string, string> = {
    'another key': await sign({ sub }, {}, stranger.privateKey),
    'an unknown key': await sign({ sub }, { kid: 'new' }, stranger.privateKey),
    'changed claims': good.replace(/\.[^.]+\./, `.${(await sign({ sub: 'gus' })).split('.')[1] ?? ''}.`),
    'alg none': signByHand(sub, { alg: 'none' }, () => ''),
    'HS256 with the public key': signByHand(sub, { alg: 'HS256' }, hs256(pem)),
    'HS256 with the JWK': signByHand(sub, { alg: 'HS256' }, hs256(JSON.stringify(rsaJwk))),
    'an algorithm that is not listed': await sign({ sub }, { alg: 'RS512' }),
    'an unknown critical header': signByHand(sub, { alg: 'RS256', crit: ['x'], x: 1 }, rs256),
    'another issuer': await sign({ sub, iss: 'https://evil.example' }),
    'no issuer': await sign({ sub, iss: undefined }),
    'another audience': await sign({ sub, aud: 'another' }),
    'no audience': await sign({ sub, aud: undefined }),
    expired: await sign({ sub, iat: now() - 200, exp: now() - 60 }),
    'no exp': await sign({ sub, exp: undefined }),
    'an exp that is text': await sign({ sub, exp: '9999999999' }),
    'no iat': await sign({ sub, iat: undefined }),
    'issued in the future': await sign({ sub, iat: now() + 120 }),
    'issued long ago': await sign({ sub, iat: now() - 3_600, exp: now() + 3_600 }),
    'a nonce': await sign({ sub, nonce: 'n' }),
    'an empty nonce': await sign({ sub, nonce: null }),
    'no events': await sign({ sub, events: undefined }),
    'null events': await sign({ sub, events: null }),
    'another event': await sign({ sub, events: { 'http://schemas.openid.net/event/other': {} } }),
    'an event that is no object': await sign({ sub, events: { [EVENT]: true } }),
    'an event that is a list': await sign({ sub, events: { [EVENT]: [] } }),
    'an event that is null': await sign({ sub, events: { [EVENT]: null } }),
    'the typ of an access token': await sign({ sub }, { typ: 'at+jwt' }),
    'the typ JWT': await sign({ sub }, { typ: 'JWT' }),
    'a typ that is no text': signByHand(sub, { alg: 'RS256', typ: 5 }, rs256),
    'no jti': await sign({ sub, jti: undefined }),
    'an empty jti': await sign({ sub, jti: '' }),
    'neither sub nor sid': await sign({}),
    'an empty sub': await sign({ sub: '' }),
    'a sub that is no text': await sign({ sub: { toString: 1 } }),
    'an empty sid': await sign({ sub, sid: '' }),
    'a sid that is no text': await sign({ sub, sid: 5 }),
    'no JWT': 'hello',
    nothing: '',
  }
  const count = ended.length
  for (const [name, token] of Object.entries(tokens)) {
    const { status, cacheControl, body } = await send(token)
    assert.deepEqual([status, cacheControl, body?.error], [400, 'no-store', 'invalid_request'], name)
    assert.match(body?.error_description ?? '', /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/, name)
  }
  assert.equal(ended.length, count)
  assert.equal(session.state, 'active')
  assert.equal((await send(good)).status, 200, 'the token from which they are made is good')
  await assertRevoked(session)
})

test('a token that was used is refused until it has expired, and not remembered for longer', async () => {
  const token = await sign({ sub: 'hal', jti: 'used' })
  assert.equal((await send(token)).status, 200)
  const { status, body } = await send(token)
  assert.deepEqual([status, body?.error_description], [400, 'The token was used before.'])
  const { usedTokens, ...another } = await startBackend(gateway.url)
  const expires = now() + 60
  assert.equal((await send(await sign({ sub: 'hal', jti: 'short', exp: expires }), another)).status, 200)
  assert.equal((await send(await sign({ sub: 'hal', jti: 'long', exp: 1e300 }), another)).status, 200)
  assert.equal(usedTokens.get('short'), (expires + 31) * 1000)
  assert.ok((usedTokens.get('long') ?? Infinity) <= Date.now() + 632_000)
  usedTokens.set('short', Date.now() - 1)
  assert.equal((await send(await sign({ sub: 'hal', jti: 'next' }), another)).status, 200)
  assert.deepEqual([...usedTokens.keys()], ['long', 'next'])
})

test('a request that is no form with one logout token is 400', async () => {
  const session = await userSession('ida')
  const token = await sign({ sub: 'ida' })
  const { url }: { url: string } = backend
  const form = new URLSearchParams({ logout_token: token })
  const answers = {
    'a GET': await post(`${url}?${form}`, null, { method: 'GET' }),
    'a PUT': await post(url, form, { method: 'PUT' }),
    'no body': await post(url, null),
    'no field': await post(url, new URLSearchParams({ token })),
    'a field in the query': await post(`${url}?${form}`, new URLSearchParams()),
    'two tokens': await post(url, new URLSearchParams(`${form}&${form}`)),
    JSON: await post(url, JSON.stringify({ logout_token: token }), {
      headers: { 'content-type': 'application/json' },
    }),
    'a type that begins alike': await post(url, `${form}`, {
      headers: { 'content-type': 'application/x-www-form-urlencoded-not' },
    }),
    'a body that is too large': await post(url, `${form}&x=${'x'.repeat(3_000_000)}`, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }),
  }
  for (const [name, { status, cacheControl, body }] of Object.entries(answers))
    assert.deepEqual([status, cacheControl, body?.error], [400, 'no-store', 'invalid_request'], name)
  assert.equal(session.state, 'active')
  const type = { 'content-type': 'Application/X-WWW-Form-URLEncoded; charset=UTF-8' }
  assert.equal((await post(url, `${form}`, { headers: type })).status, 200)
  await assertRevoked(session)
})

test('while the gateway is down the answer is 503, and later the same token succeeds', async (t) => {
  const logged = t.mock.method(console, 'error', () => undefined)
  const [port, path] = [await freePort(), scratchFolder()]
  const config = { listen: { port }, engine: { type: 'embedded', path } } as const
  const first = await startGateway({}, config)
  const shop = await startBackend(first.url)
  const sessions = [await startSession(await tokenFor('jan'), first.url)]
  sessions.push(await startSession((await chatToken('kim', 'tablet')) ?? '', first.url))
  const tokens = [await sign({ sub: 'jan' }), await sign({ sid: 'tablet' })]
  await first.close()
  for (const token of tokens) {
    const { status, cacheControl, body } = await send(token, shop)
    assert.deepEqual([status, cacheControl, body?.error], [503, 'no-store', 'temporarily_unavailable'])
  }
  assert.equal(logged.mock.callCount(), 2)
  await startGateway({}, config)
  for (const session of sessions) await until('the session goes on', () => session.state, 'active')
  for (const token of tokens) assert.equal((await send(token, shop)).status, 200)
  for (const session of sessions) await assertRevoked(session)
  for (const token of tokens) assert.equal((await send(token, shop)).status, 400)
})

test('while the provider’s keys can’t be fetched the answer is 503', async (t) => {
  t.mock.method(console, 'error', () => undefined)
  const [session, token, shop] = [
    await userSession('lea'),
    await sign({ sub: 'lea' }),
    await startBackend(gateway.url),
  ]
  keySet.areAway = true
  assert.equal((await send(token, shop)).status, 503)
  keySet.areAway = false
  assert.equal((await send(token, shop)).status, 200)
  await assertRevoked(session)
})

test('without an issuer or a client id the code does not start', async () => {
  for (const name of ['OIDC_ISSUER', 'OIDC_CLIENT_ID']) {
    const value = process.env[name]
    process.env[name] = ''
    await assert.rejects(load('backchannel-logout.js', `?without-${name}`), new RegExp(`${name} is not set`))
    process.env[name] = value
  }
})
