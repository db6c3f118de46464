import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { createMemoryEngine, EngineError } from '../../../src/engine/index.js'
import { type GatewayConfig } from '../../../src/gateway/index.js'
import { calls } from '../../../src/gateway/rest/calls/calls.js'
import { createAppToken, createToken } from '../../../src/tokens/index.js'
import { startClient, startAs } from '../../support/raw-client.js'
import { startGateway, testApp } from '../../support/gateway.js'
import { secret, signatureSecret } from '../../support/tokens.js'
import { guestStart } from '../../support/starts.js'
import { onBothEngines, restOf, statusAndCode } from '../../support/rest/rest-calls.js'

const keys = await generateKeyPair('RS256', { extractable: true })
const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k', alg: 'RS256' }
const otherSecret = 'the secret of another app, 32 bytes'
const apps = {
  app: testApp({ jwks: { keys: [jwk], algorithms: ['RS256'] } }),
  other: testApp({ secrets: [otherSecret], signatureSecrets: [] }),
}
const { url } = await startGateway({}, { apps })
const rest = restOf(url)

interface Raw {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: { code?: string; title?: string }
}

/** Sends a request with its path as it is; `fetch` would normalize the path. `chunks` are sent without a length. */
const raw = (
  method: string,
  path: string,
  headers: Record<string, string>,
  chunks: (string | Buffer)[] = [],
  at = url,
): Promise<Raw> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(at)
    const sent = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: (text === '' ? {} : JSON.parse(text)) as Raw['body'],
        }),
      )
    })
    sent.on('error', reject)
    for (const chunk of chunks) sent.write(chunk)
    sent.end()
  })

const bearer = async (): Promise<{ authorization: string }> => ({
  authorization: `Bearer ${await createAppToken({ appId: 'app', secret })}`,
})

const sign = (claims: object, key = secret): Promise<string> =>
  new SignJWT({ tokenType: 'app', iss: 'app', ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(key))

const soon = Math.floor(Date.now() / 1000) + 60

test('each call is refused without a good app token', async () => {
  const guest = await startClient(url, guestStart)
  const rs256 = await new SignJWT({ tokenType: 'app' })
    .setProtectedHeader({ alg: 'RS256', kid: 'k' })
    .setIssuer('app')
    .setExpirationTime('1m')
    .sign(keys.privateKey)
  const bad: Record<string, string | undefined> = {
    'no header': undefined,
    'another scheme': 'Basic YTpi',
    'no token': 'Bearer',
    'no JWT': 'Bearer x.y.z',
    'two tokens': `Bearer ${await sign({ exp: soon })}, Bearer ${await sign({ exp: soon })}`,
    "a user's token": `Bearer ${await createToken({ appId: 'app', userId: 'ann', secret })}`,
    "the gateway's own token": `Bearer ${guest.started['token'] as string}`,
    'no exp': `Bearer ${await sign({})}`,
    expired: `Bearer ${await sign({ exp: soon - 120 })}`,
    'not begun': `Bearer ${await sign({ exp: soon + 600, nbf: soon + 300 })}`,
    'no tokenType': `Bearer ${await sign({ tokenType: undefined, exp: soon })}`,
    'another secret': `Bearer ${await sign({ exp: soon }, 'x'.repeat(32))}`,
    "another app's secret": `Bearer ${await sign({ exp: soon }, otherSecret)}`,
    'the signature secret': `Bearer ${await sign({ exp: soon }, signatureSecret)}`,
    'an unknown iss': `Bearer ${await sign({ iss: 'nobody', exp: soon })}`,
    'no iss': `Bearer ${await sign({ iss: undefined, exp: soon })}`,
    'an inherited name as iss': `Bearer ${await sign({ iss: 'constructor', exp: soon })}`,
    'a key of the JWKS': `Bearer ${rs256}`,
    unsigned: `Bearer ${new UnsecuredJWT({ tokenType: 'app', iss: 'app', exp: soon }).encode()}`,
  }
  for (const { method, path } of calls)
    for (const [why, authorization] of Object.entries(bad)) {
      const target = path.replace('{app}', 'app').replaceAll(/\{\w+\}/g, 'ann')
      const answer = await raw(
        method.toUpperCase(),
        target,
        authorization === undefined ? {} : { authorization },
      )
      assert.deepEqual(
        [answer.status, answer.body.code],
        [401, 'unauthenticated'],
        `${method} ${path}: ${why}`,
      )
      assert.equal(answer.headers['www-authenticate'], 'Bearer')
    }
})

test('a token reaches its own app alone', async () => {
  for (const { method, path } of calls) {
    const of = (app: string): string => path.replace('{app}', app).replaceAll(/\{\w+\}/g, 'ann')
    const others = await rest(method.toUpperCase(), of('other'), method === 'put' ? {} : undefined)
    assert.deepEqual(statusAndCode(others), [403, 'refused'], path)
    for (const nobody of ['nobody', 'constructor', '%2E%2E', '%00', '']) {
      const answer = await raw(method.toUpperCase(), of(nobody), await bearer())
      assert.equal(answer.status, 404)
      assert.equal(answer.body.code, nobody === '' ? 'not-found' : 'unknown-app', path)
    }
  }
})

test('an unknown address is not-found, and a wrong method names those that there are', async () => {
  for (const path of ['', ...'/ /users/ /users/ann/ /users//sessions /users:other /users/a/b/c/d'.split(' ')])
    assert.deepEqual(statusAndCode(await rest('GET', path)), [404, 'not-found'], path)
  const answer = await rest('PATCH', '/users/ann')
  assert.deepEqual(statusAndCode(answer), [405, 'method-not-allowed'])
  assert.equal(answer.headers.get('allow'), 'PUT, GET, DELETE, HEAD')
  assert.equal((await rest('OPTIONS', '/messages')).headers.get('allow'), 'POST')
  assert.equal((await rest('POST', '/v1/openapi.json')).headers.get('allow'), 'GET, HEAD')
})

test('ids are percent-encoded: a slash, a colon, blanks and other scripts come through', async () => {
  for (const id of ['a b', ...'a/b a:b a%b a%2Fb a?b a#b 日本 🦉 a+b ..a ...'.split(' '), "a'b"]) {
    const { body } = await rest('PUT', `/users/${encodeURIComponent(id)}`, {})
    assert.deepEqual(body, { id })
  }
  assert.equal((await raw('GET', '/v1/apps/app/users/a:b', await bearer())).status, 200)
})

test('a path that is not an id is a bad-request, and never another call', async () => {
  const client = await startAs(url, 'safe')
  const headers = await bearer()
  const noIds = '% %E0%A4 %FF %zz .. . %2E%2E %2e %00 %C2%85'.split(' ')
  for (const id of [...noIds, 'x'.repeat(256)]) {
    const answer = await raw('DELETE', `/v1/apps/app/users/${id}/sessions`, headers)
    assert.deepEqual([answer.status, answer.body.code], [400, 'bad-request'], id)
  }
  // A URL parser would read this as the call that logs all users of the app out.
  assert.equal((await raw('DELETE', '/v1/apps/app/users/%2e%2e/sessions', headers)).status, 400)
  const absolute = await raw('GET', 'http://elsewhere/v1/apps/app/usage', headers)
  assert.equal(absolute.status, 200)
  client.send({ type: 'read', epoch: client.started['epoch'] as string, offset: 0 })
  assert.equal((await client.next()).type, 'unread')
})

test('an app token whose claims or header are nested deep is no token', async () => {
  const deep = `{"a":${'['.repeat(4_800)}${']'.repeat(4_800)}}`
  const encode = (json: string): string => Buffer.from(json).toString('base64url')
  const alg = '{"alg":"HS256"}'
  for (const [header, claims] of [
    [alg, deep],
    [deep, '{}'],
  ] as const) {
    const authorization = `Bearer ${encode(header)}.${encode(claims)}.${'A'.repeat(43)}`
    const { status, body } = await raw('GET', '/v1/apps/app/usage', { authorization })
    assert.deepEqual([status, body.code], [401, 'unauthenticated'])
  }
})

test('bodies that are too large, not JSON or of another type are refused', async () => {
  const headers = { ...(await bearer()), 'content-type': 'application/json' }
  const path = '/v1/apps/app/users/ann/messages'
  const codeOf = async (chunks: (string | Buffer)[], more: Record<string, string> = {}): Promise<unknown> => {
    const { status, body } = await raw('POST', path, { ...headers, ...more }, chunks)
    return [status, body.code]
  }
  const large = Buffer.alloc(600_000, ' ')
  assert.deepEqual(await codeOf([large, large]), [413, 'too-large'])
  assert.deepEqual(await codeOf([large, large], { 'content-length': '1200000' }), [413, 'too-large'])
  for (const chunk of ['', '{', '{"body":"x"', 'null', '[]', '"x"', '1', Buffer.from([0x7b, 0xff, 0x7d])])
    assert.deepEqual(await codeOf([chunk]), [400, 'bad-request'], String(chunk))
  assert.deepEqual(await codeOf(['['.repeat(500_000)]), [400, 'bad-request'])
  assert.deepEqual(await codeOf([`{"data":${'{"a":'.repeat(100)}1${'}'.repeat(101)}`]), [400, 'bad-request'])
  for (const type of [
    '',
    'text/plain',
    'application/jsonp',
    'application/json; charset=latin1',
    'application/xml',
  ])
    assert.deepEqual(
      await codeOf(['{"body":"x"}'], { 'content-type': type }),
      [415, 'unsupported-media-type'],
      type,
    )
  assert.deepEqual(await codeOf(['x'], { 'content-encoding': 'gzip' }), [415, 'unsupported-media-type'])
  for (const type of [
    'application/json',
    'Application/JSON; charset=UTF-8',
    'application/json;charset="utf-8"',
  ])
    assert.deepEqual(await codeOf(['{"body":"x"}'], { 'content-type': type }), [201, undefined], type)
})

test('a body that is missing, or no object, is refused with a sentence that says so', async () => {
  const path = '/v1/apps/app/users/ann/messages'
  const titleOf = async (headers: Record<string, string>, chunks: string[]): Promise<unknown> => {
    const { status, body } = await raw('POST', path, { ...(await bearer()), ...headers }, chunks)
    return [status, body.code, body.title]
  }
  const json = { 'content-type': 'application/json' }
  const missing = "The body is missing: send a JSON object, with the header 'Content-Type: application/json'."
  for (const [headers, chunks] of [
    [{}, []],
    [json, []],
    [{ ...json, 'content-length': '0' }, []],
    [{ ...json, 'transfer-encoding': 'chunked' }, []],
  ] as [Record<string, string>, string[]][])
    assert.deepEqual(await titleOf(headers, chunks), [400, 'bad-request', missing], JSON.stringify(headers))
  for (const chunk of ['null', '[]', '"x"', '1'])
    assert.deepEqual(
      await titleOf(json, [chunk]),
      [400, 'bad-request', 'The body must be a JSON object.'],
      chunk,
    )
  const [, , title] = (await titleOf(json, ['{"body":7}'])) as [unknown, unknown, string]
  assert.match(title, /^The body's 'body' /)
})

test('the answers count the calls of the app, and too many are rate-limited', async () => {
  const gateway = await startGateway({ limits: { restPerSecond: 3 } })
  const limited = restOf(gateway.url)
  // A caller without a token takes nothing from the app.
  await Promise.all(Array.from({ length: 20 }, () => raw('GET', '/v1/apps/app/usage', {}, [], gateway.url)))
  const first = await limited('GET', '/usage')
  assert.equal(first.headers.get('ratelimit-policy'), '"restPerSecond";q=3;w=1')
  assert.equal(first.headers.get('ratelimit'), '"restPerSecond";r=2;t=1')
  const answers = await Promise.all(Array.from({ length: 10 }, () => limited('GET', '/usage')))
  const refused = answers.filter(({ status }) => status === 429)
  assert.ok(refused.length >= 5)
  for (const answer of refused) {
    assert.deepEqual(statusAndCode(answer), [429, 'rate-limited'])
    assert.equal(answer.headers.get('retry-after'), '1')
    assert.equal(answer.headers.get('ratelimit'), '"restPerSecond";r=0;t=1')
  }
})

for (const { url: running, gateway, on } of await onBothEngines({ limits: { restPerSecond: 100 } }))
  test(`a reload reaches the calls: secrets and limits ${on}`, async () => {
    const next = 'the next secret of the app, of 32 bytes'
    const config: GatewayConfig = {
      apps: { app: testApp({ secrets: [next], limits: { restPerSecond: 7 } }) },
    }
    assert.equal((await restOf(running)('GET', '/usage')).status, 200)
    await gateway.reload(config)
    assert.deepEqual(statusAndCode(await restOf(running)('GET', '/usage')), [401, 'unauthenticated'])
    const answer = await restOf(running, { key: next })('GET', '/usage')
    assert.equal(answer.headers.get('ratelimit-policy'), '"restPerSecond";q=7;w=1')
  })

test('an engine that is away makes calls unavailable, with a time to try again', async () => {
  const memory = createMemoryEngine()
  let isAway = false
  const engine = new Proxy(memory, {
    get: (_, name: keyof typeof memory) =>
      isAway && name !== 'close'
        ? () => Promise.reject(new EngineError('unavailable', 'The disk /secret/path is full.'))
        : memory[name].bind(memory),
  })
  const { url: target } = await startGateway({}, {}, { engine })
  const away = restOf(target)
  isAway = true
  for (const [method, path, body] of [
    ['GET', '/usage', undefined],
    ['DELETE', '/users/ann/sessions', undefined],
    ['POST', '/users/ann/messages', { body: 'x' }],
  ] as const) {
    const answer = await away(method, path, body)
    assert.deepEqual(statusAndCode(answer), [503, 'unavailable'])
    assert.equal(answer.headers.get('retry-after'), '5')
    assert.ok(!JSON.stringify(answer.body).includes('/secret/path'))
  }
  const many = await away('POST', '/messages', { to: ['ann'], body: 'x' })
  const { results } = many.body as { results: { problem: { code: string } }[] }
  assert.equal(results[0]?.problem.code, 'unavailable')
})

test('a call that fails because of a bug is counted, and has a line in the audit log', async () => {
  const memory = createMemoryEngine()
  memory.revokeUser = () => Promise.reject(new TypeError('a bug'))
  const admin = { port: 0, token: 'the admin token of a test, of 32 bytes' }
  const { gateway, url: target, lines } = await startGateway({}, { admin }, { engine: memory })
  const response = await fetch(`${target}/v1/apps/app/users/ann/sessions`, {
    method: 'DELETE',
    headers: await bearer(),
  })
  assert.equal(response.status, 500)
  const audited = lines.filter((line) => line.includes('"audit":true'))
  assert.deepEqual(
    audited.map((line) => (JSON.parse(line) as { what: string; result: number }).result),
    [500],
  )
  const adminUrl = (await gateway.listenAdmin()) ?? assert.fail()
  const scraped = await fetch(`${adminUrl}/metrics`, { headers: { authorization: `Bearer ${admin.token}` } })
  assert.match(
    await scraped.text(),
    /^chat_session_rest_calls_total\{app="app",call="endUserSessions",status="500"\} 1$/m,
  )
})
