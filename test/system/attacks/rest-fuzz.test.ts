// Hostile REST requests: every answer has a documented status and a code, and the gateway goes on.
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import fc from 'fast-check'
import { calls } from '../../../src/gateway/rest/calls/calls.js'
import { errorStatus } from '../../../src/gateway/rest/errors.js'
import { createAppToken } from '../../../src/tokens/index.js'
import { openRaw } from '../../support/raw-client.js'
import { attackedGateway, runs } from './support.js'

const appId = 'fuzzed'
const secret = 'the secret of the app that is fuzzed'
const limits = { restPerSecond: 1_000_000 }
const gateway = await attackedGateway({ [appId]: { environment: 'test', secrets: [secret], limits } })
const token = await createAppToken({ appId, secret, expiresIn: 86_400 })

interface Sent {
  method: string
  path: string
  headers: Record<string, string>
  body: Buffer | undefined
}

const exchange = ({
  method,
  path,
  headers,
  body,
}: Sent): Promise<{ status: number; type: string; text: string }> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(gateway.url)
    // Node sends the body of a GET without a length otherwise, and the gateway would read it as another request.
    const length = body && { 'content-length': String(body.length) }
    const sent = request(
      { hostname, port, method, path, headers: { ...headers, ...length }, agent: false },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', text }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })

const statuses: Record<string, number> = errorStatus

const assertAnswers = async (sent: Sent): Promise<void> => {
  const { status, type, text } = await exchange(sent)
  if (status < 300) return
  if (sent.method === 'HEAD') return assert.ok(Object.values(statuses).includes(status), String(status))
  assert.match(type, /^application\/problem\+json/, `${status} ${text}`)
  const { code, title, ...problem } = JSON.parse(text) as { status: number; code: string; title: string }
  assert.equal(problem.status, status)
  assert.equal(statuses[code], status, text)
  assert.ok(title.length > 10)
  // The sentence repeats nothing that could be a secret.
  assert.ok(!text.includes(token))
}

const hostile = fc.constantFrom(
  '..',
  '.',
  '%2e%2e',
  '%00',
  '%',
  '%zz',
  '%E0%A4',
  '%F0%9F%A6%89',
  '%25',
  '__proto__',
  'constructor',
  'guest:x',
  'guest%3A~x',
  '{user}',
  ':user',
  '*',
  "'",
  '"',
  '%5c',
  '%2F',
  'users:status',
  'x'.repeat(300),
)
const anyText = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => encodeURIComponent(text))
const segment = fc.oneof(hostile, anyText, fc.constant('ann'))

const path = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...calls.map((call) => call.path)),
        fc.array(segment, { minLength: 3, maxLength: 3 }),
      )
      .map(([template, ids]) =>
        template.replace('{app}', appId).replaceAll(/\{\w+\}/g, () => ids.pop() ?? 'ann'),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.array(segment, { maxLength: 6 }).map((parts) => ['/v1/apps', appId, ...parts].join('/')),
  },
)

const value = fc.oneof(
  fc.constantFrom('0', '1', '-1', '101', '1e9', '9007199254740993', 'reauth', 'NaN', ''),
  anyText,
)
const search = fc
  .array(
    fc.tuple(
      fc.constantFrom('limit', 'cursor', 'after', 'before', 'issuedBefore', 'mode', 'x', '__proto__'),
      value,
    ),
    {
      maxLength: 3,
    },
  )
  .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map((pair) => pair.join('=')).join('&')}`))

const json = fc.jsonValue({ maxDepth: 4 })
const fields = fc.dictionary(
  fc.constantFrom(
    'to',
    'id',
    'from',
    'body',
    'data',
    'users',
    'epoch',
    'offset',
    'name',
    'photoUrl',
    'custom',
    '__proto__',
  ),
  fc.oneof(json, fc.string(), fc.array(fc.string({ maxLength: 5 })), fc.constant('ann'), fc.integer()),
)
const body = fc.oneof(
  fc.constant(undefined),
  fields.map((each) => Buffer.from(JSON.stringify(each))),
  json.map((each) => Buffer.from(JSON.stringify(each))),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom('['.repeat(20_000), '{"data":'.repeat(5_000), '\ufeff{}', '{"to":1}')
    .map((text) => Buffer.from(text)),
)

const headers = fc
  .record({
    authorization: fc.oneof(
      { weight: 8, arbitrary: fc.constant(`Bearer ${token}`) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('', 'Bearer', `bearer  ${token}`, `Bearer ${token} x`, token, 'Basic x'),
      },
    ),
    'content-type': fc.oneof(
      { weight: 6, arbitrary: fc.constant('application/json') },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          '',
          'text/json',
          'application/json;charset=utf-16',
          ';',
          'multipart/form-data',
        ),
      },
    ),
    host: fc.constantFrom('127.0.0.1', 'localhost:80', 'a b', '[::1', 'x/y', 'x@y', ''),
    more: fc.constantFrom<Record<string, string>>(
      {},
      { 'content-encoding': 'gzip' },
      { 'x-forwarded-for': '1.2.3.4, <script>' },
      { 'x-http-method-override': 'DELETE' },
      { expect: '100-continue' },
      { upgrade: 'h2c', connection: 'upgrade' },
      { 'if-none-match': '*' },
      { cookie: 'a=b' },
    ),
  })
  .map(({ more, ...others }) => ({ ...others, ...more }))

test('every answer to a hostile request has a documented status and a code', async () => {
  const method = fc.constantFrom(
    'GET',
    'HEAD',
    'PUT',
    'POST',
    'DELETE',
    'PATCH',
    'OPTIONS',
    'TRACE',
    'PROPFIND',
  )
  await fc.assert(
    fc.asyncProperty(method, path, search, headers, body, async (verb, target, query, sent, bytes) =>
      assertAnswers({ method: verb, path: `${target}${query}`, headers: sent, body: bytes }),
    ),
    { numRuns: runs(1_500) },
  )
  await gateway.assertUnharmed()
})

test('a body that stops, and one that never ends, take nothing from other callers', async () => {
  const start = `POST /v1/apps/${appId}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`
  const stopped = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const raw = await openRaw(gateway.url)
      raw.socket.write(`${start}Content-Length: 1000\r\n\r\n{"to":`)
      return raw
    }),
  )
  const endless = await openRaw(gateway.url)
  endless.socket.write(`${start}Transfer-Encoding: chunked\r\n\r\n`)
  const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`
  for (let sent = 0; sent < 40; sent++) endless.socket.write(chunk)
  assert.equal((await endless.answer()).status, 413)
  for (const { socket } of stopped) socket.destroy()
  await gateway.assertUnharmed()
})
