import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { request, type IncomingHttpHeaders } from 'node:http'
import { test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { clientErrorMessages, closeCodes, errorMessages, VERSION } from '../../../../src/protocol/index.js'
import { startGateway } from '../../../support/gateway.js'
import { openRaw, within } from '../../../support/raw-client.js'

const { url } = await startGateway()
const script = await readFile(new URL('../../../../dist/cdn/chat-session.js', import.meta.url))
const plain = '/v1/chat-session.js'
const versioned = `/v1/chat-session-${VERSION}.js`

interface Got {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** Sends a GET request. `fetch` would decode compressed bodies and send its own `accept-encoding`. */
const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> =>
  new Promise((resolve, reject) => {
    const asked = request(url + path, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      )
    })
    asked.on('error', reject).end()
  })

const codeIn = ({ body }: Got): unknown => (JSON.parse(body.toString()) as { code: unknown }).code

test('/healthz responds 200 with the version, with any query, and to HEAD', async () => {
  for (const path of ['/healthz', '/healthz?probe=1']) {
    const { status, headers, body } = await get(path)
    assert.equal(status, 200)
    assert.match(headers['content-type'] ?? '', /^application\/json/)
    assert.deepEqual(JSON.parse(body.toString()), { status: 'ok', version: VERSION })
  }
  const head = await get('/healthz', {}, 'HEAD')
  assert.deepEqual([head.status, head.body.length], [200, 0])
})

for (const path of [plain, versioned])
  test(`${path} is the script, for every page`, async () => {
    const { status, headers, body } = await get(path, { origin: 'https://www.example.com' })
    assert.equal(status, 200)
    assert.deepEqual(body, script)
    assert.equal(headers['content-type'], 'text/javascript; charset=utf-8')
    assert.equal(headers['access-control-allow-origin'], '*')
    assert.equal(headers['cross-origin-resource-policy'], 'cross-origin')
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['content-encoding'], undefined)
    assert.equal(headers.vary, 'accept-encoding')
  })

test('the script for a service worker is served too', async () => {
  const worker = await readFile(new URL('../../../../dist/cdn/chat-session-worker.js', import.meta.url))
  for (const path of ['/v1/chat-session-worker.js', `/v1/chat-session-worker-${VERSION}.js`]) {
    const { status, headers, body } = await get(path)
    assert.equal(status, 200)
    assert.deepEqual(body, worker)
    assert.equal(headers['content-type'], 'text/javascript; charset=utf-8')
  }
  const map = '/v1/chat-session-worker.js.map'
  const [plain, compressed] = [await get(map), await get(map, { 'accept-encoding': 'br, gzip' })]
  assert.deepEqual([compressed.status, compressed.headers['content-encoding']], [200, 'br'])
  assert.deepEqual(brotliDecompressSync(compressed.body), plain.body)
  assert.equal((JSON.parse(plain.body.toString()) as { version: number }).version, 3)
})

for (const name of ['chat-session', 'chat-window'])
  test(`the served ${name}.js has the integrity hash of the build, under its version too`, async () => {
    const written = await readFile(new URL('../../../../dist/cdn/integrity.json', import.meta.url), 'utf8')
    for (const path of [`/v1/${name}.js`, `/v1/${name}-${VERSION}.js`]) {
      const { body, headers } = await get(path, { 'accept-encoding': 'br' })
      assert.equal(headers['sourcemap'], name === 'chat-session' ? `${name}.js.map` : undefined)
      const hash = createHash('sha384').update(brotliDecompressSync(body)).digest('base64')
      assert.equal((JSON.parse(written) as Record<string, string>)[`${name}.js`], `sha384-${hash}`)
    }
  })

test('each part of the script is served under the name that integrity.json has, with that integrity', async () => {
  const written = await readFile(new URL('../../../../dist/cdn/integrity.json', import.meta.url), 'utf8')
  const parts = Object.entries(JSON.parse(written) as Record<string, string>).filter(
    ([file]) => !['chat-session.js', 'chat-window.js'].includes(file),
  )
  for (const part of ['session-notifications', 'window-de'])
    assert.ok(parts.some(([file]) => new RegExp(`^chat-${part}-\\w{8}\\.js$`).test(file)))
  for (const [file, integrity] of parts) {
    const { status, headers, body } = await get(`/v1/${file}`, {
      'accept-encoding': 'br',
      origin: 'https://www.example.com',
    })
    assert.deepEqual([status, headers['content-encoding']], [200, 'br'])
    assert.equal(headers['content-type'], 'text/javascript; charset=utf-8')
    assert.equal(headers['access-control-allow-origin'], '*')
    const script = brotliDecompressSync(body)
    assert.equal(`sha256-${createHash('sha256').update(script).digest('base64')}`, integrity)
    assert.doesNotMatch(script.toString(), /sourceMappingURL/)
  }
})

test('only scripts with a version or a hash in their name are cached as immutable', async () => {
  const age = async (path: string): Promise<unknown> => (await get(path)).headers['cache-control']
  const files = await readdir(new URL('../../../../dist/cdn/', import.meta.url))
  const part = files.find((file) => /^chat-session-notifications-\w{8}\.js$/.test(file)) ?? ''
  assert.equal(await age(`/v1/${part}`), 'public, max-age=31536000, immutable')
  assert.equal(await age(versioned), 'public, max-age=31536000, immutable')
  assert.equal(await age(plain), 'public, max-age=300')
  assert.equal(await age(`${plain}.map`), 'public, max-age=300')
})

test('a script of another version is not served, and the answer says which version is', async () => {
  for (const path of [
    '/v1/chat-session-0.0.0.js',
    '/v1/chat-session-worker-99.1.0.js',
    '/v1/chat-session-notifications-00000000.js',
  ]) {
    const { status, headers, body } = await get(path, { origin: 'https://www.example.com' })
    assert.equal(status, 404)
    assert.equal(headers['access-control-allow-origin'], '*')
    const { code, title } = JSON.parse(body.toString()) as { code: string; title: string }
    assert.equal(code, 'not-found')
    assert.ok(title.startsWith(`This gateway serves the script of version ${VERSION} only:`), title)
  }
  const { title } = JSON.parse((await get('/v1/chat-session.mjs')).body.toString()) as { title: string }
  assert.equal(title, 'There is nothing at this address.')
})

const codings: [accepted: string | undefined, coding: 'br' | 'gzip' | undefined][] = [
  [undefined, undefined],
  ['', undefined],
  ['identity', undefined],
  ['gzip', 'gzip'],
  ['gzip, deflate, br, zstd', 'br'],
  ['GZIP;q=1.0, deflate', 'gzip'],
  ['br;q=0, gzip', 'gzip'],
  ['br; q=0.000 , gzip ; q=0', undefined],
  ['br;q=0.001', 'br'],
  ['brotli', undefined],
]
for (const [accepted, coding] of codings)
  test(`accept-encoding ${accepted === undefined ? 'absent' : `"${accepted}"`} gets the coding ${coding ?? 'identity'}`, async () => {
    const { headers, body } = await get(plain, accepted === undefined ? {} : { 'accept-encoding': accepted })
    assert.equal(headers['content-encoding'], coding)
    const decoded = coding === 'br' ? brotliDecompressSync(body) : coding === 'gzip' ? gunzipSync(body) : body
    assert.deepEqual(decoded, script)
    assert.equal(headers['content-length'], String(body.length))
  })

test('a client that has the script gets a 304 without a body', async () => {
  const { headers } = await get(plain, { 'accept-encoding': 'br' })
  const etag = headers.etag ?? ''
  assert.match(etag, /^"[^"]+"$/)
  for (const match of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const again = await get(plain, {
      'accept-encoding': 'br',
      'if-none-match': match,
      origin: 'https://a.example',
    })
    assert.equal(again.status, 304, match)
    assert.equal(again.body.length, 0)
    assert.equal(again.headers.etag, etag)
    assert.equal(again.headers['cache-control'], 'public, max-age=300')
    assert.equal(again.headers['access-control-allow-origin'], '*')
  }
  // Each coding has an etag of its own: a cache must not mix them up.
  const other = await get(plain, { 'accept-encoding': 'gzip', 'if-none-match': etag })
  assert.equal(other.status, 200)
  assert.notEqual(other.headers.etag, etag)
})

test('HEAD gets the headers of GET without the body', async () => {
  const [head, got] = [await get(plain, {}, 'HEAD'), await get(plain)]
  assert.equal(head.status, 200)
  assert.equal(head.body.length, 0)
  for (const name of ['etag', 'content-type', 'cache-control', 'vary'])
    assert.equal(head.headers[name], got.headers[name], name)
})

test('the source map is served under the name in the header of the script', async () => {
  const name = (await get(versioned)).headers['sourcemap']
  assert.ok(typeof name === 'string')
  assert.equal((await get(plain)).headers['sourcemap'], name)
  const { status, headers, body } = await get(new URL(name, `http://host${versioned}`).pathname)
  assert.equal(status, 200)
  assert.match(headers['content-type'] ?? '', /^application\/json/)
  assert.equal((JSON.parse(body.toString()) as { version: number }).version, 3)
})

test('an unknown path gets a 404 as application/problem+json', async () => {
  for (const path of [
    '/',
    '/v1',
    '/v1/',
    '/v1/nothing',
    '/healthz/',
    '/v1/chat-session.js/x',
    '/v1/%2e%2e/package.json',
  ]) {
    const got = await get(path)
    assert.equal(got.status, 404, path)
    assert.equal(got.headers['content-type'], 'application/problem+json', path)
    assert.equal(codeIn(got), 'not-found')
  }
  assert.equal((await get('/healthz', {}, 'POST')).status, 404)
})

test('/v1/session without a WebSocket gets a 426', async () => {
  const got = await get('/v1/session')
  assert.equal(got.status, 426)
  assert.equal(got.headers.upgrade, 'websocket')
  assert.equal(got.headers['content-type'], 'application/problem+json')
})

test('/v1/session without a WebSocket closes the connection of a client that asks for it', async () => {
  const raw = await openRaw(url)
  raw.socket.write('GET /v1/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  assert.equal((await raw.answer()).status, 426)
  raw.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  await within(raw.closed, 'close')
  assert.doesNotMatch(raw.received().toString(), /HTTP\/1\.1 400 /)
})

test('/v1/errors explains every code, the client’s own too', async () => {
  const { status, headers, body } = await get('/v1/errors')
  assert.equal(status, 200)
  assert.match(headers['content-type'] ?? '', /^text\/html; charset=utf-8/i)
  assert.match(String(headers['content-security-policy']), /^default-src 'none'; style-src 'sha256-[^']+'$/)
  const page = body.toString()
  const entries = new Map(
    [...page.matchAll(/<article id="([^"]+)">(.*?)<\/article>/gs)].map(([, code = '', entry = '']) => [
      code,
      entry,
    ]),
  )
  assert.deepEqual(
    new Set(entries.keys()),
    new Set([...Object.keys(closeCodes), 'conflict', 'unknown-user', ...Object.keys(clientErrorMessages)]),
  )
  for (const [code, sentence] of Object.entries({ ...errorMessages, ...clientErrorMessages }))
    assert.ok(
      entries
        .get(code)
        ?.replaceAll(/<\/?code>/g, '`')
        .includes(`<p>${sentence}</p>`),
      code,
    )
  assert.match(entries.get('token-expired') ?? '', /4102; trying the same again does not help/)
  assert.match(entries.get('unavailable') ?? '', /4503; trying again may help/)
  assert.match(entries.get('no-endpoint') ?? '', /<small>reported by the client<\/small>/)
  for (const code of ['conflict', 'unknown-user'])
    assert.match(
      entries.get(code) ?? '',
      /<small>refused by the gateway, and the session goes on; trying the same again does not help<\/small>/,
    )
  // Besides a message that was sent before, marks and histories of another epoch have this code.
  assert.match(entries.get('conflict') ?? '', /another epoch/)
  // The error of a part that could not be loaded is retryable, and the sentence of `outbox-full` says to send again.
  for (const code of Object.keys(clientErrorMessages))
    assert.doesNotMatch(entries.get(code) ?? '', /trying/, code)
})
