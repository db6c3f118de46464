// The client of every request that the gateway sends: to `authenticateUrl`, to webhooks, and for key sets.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Webhook } from 'standardwebhooks'
import {
  sendRequest,
  OutboundRequestError,
  postSigned,
} from '../../../src/gateway/outbound/outbound-request.js'
import { startServer } from '../../support/network/http-server.js'

const limits = { timeout: 5_000, maxBytes: 1_000 }

const serve = (respond: (request: IncomingMessage, response: ServerResponse) => unknown) =>
  startServer((request, response) => void respond(request, response))

const failsWith = (code: string) => (error: unknown) => {
  assert.ok(error instanceof OutboundRequestError)
  assert.equal(error.code, code)
  return true
}

test('a request is posted as JSON and verified by the reference library, and its answer is returned', async () => {
  const key = randomBytes(32)
  const { url } = await serve(async (request, response) => {
    assert.equal(request.method, 'POST')
    assert.equal(request.headers['content-type'], 'application/json')
    const body = await text(request)
    const verified = new Webhook(`whsec_${key.toString('base64')}`).verify(
      body,
      request.headers as Record<string, string>,
    )
    response.writeHead(202).end(JSON.stringify({ verified, cookie: request.headers.cookie }))
  })
  const headers = { cookie: 'sid=1; lang=de', 'content-type': 'text/html', 'webhook-id': 'forged' }
  const { status, body } = await postSigned({ url, secrets: [key] }, 'evt_1', JSON.stringify({ a: 'ü' }), {
    ...limits,
    headers,
  })
  assert.deepEqual(
    [status, JSON.parse(body ?? '')],
    [202, { verified: { a: 'ü' }, cookie: 'sid=1; lang=de' }],
  )
})

for (const status of [301, 302, 303, 307, 308])
  test(`a redirect of status ${status} is an answer and is not followed`, async () => {
    let followed = 0
    const elsewhere = await serve((_, response) => {
      followed += 1
      response.end()
    })
    const { url } = await serve((_, response) =>
      response.writeHead(status, { location: elsewhere.url }).end(),
    )
    assert.equal((await postSigned({ url, secrets: [] }, '1', '{}', limits)).status, status)
    assert.equal((await sendRequest(url, limits)).status, status)
    assert.equal(followed, 0)
  })

test('a server that accepts and says nothing is given up after the time limit', async () => {
  const { url } = await serve(() => undefined)
  await assert.rejects(sendRequest(url, { ...limits, timeout: 50 }), failsWith('timeout'))
})

test('a server that drips its body is given up after the time limit', async () => {
  const { url } = await serve((_, response) => {
    const timer = setInterval(() => response.write('.'), 10)
    response.on('close', () => clearInterval(timer))
  })
  await assert.rejects(sendRequest(url, { ...limits, timeout: 100 }), failsWith('timeout'))
})

test('a body beyond the limit is not read, and its connection is closed', async () => {
  const responses: ServerResponse[] = []
  const { url } = await serve((_, response) => {
    responses.push(response)
    const write = (): void => {
      while (response.write(Buffer.alloc(10_000)));
    }
    response.on('drain', write)
    write()
  })
  assert.deepEqual(await sendRequest(url, limits), { status: 200, body: null })
  const [response] = responses
  if (!response?.closed) await once(response ?? assert.fail(), 'close')
})

test('a small answer that unpacks to a large one is beyond the limit', async () => {
  const packed = gzipSync(Buffer.alloc(10_000_000))
  const { url } = await serve((_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed),
  )
  assert.equal((await sendRequest(url, { ...limits, maxBytes: 1_000_000 })).body, null)
})

test('a byte order mark before JSON is left out', async () => {
  const { url } = await serve((_, response) => response.end('\uFEFF{}'))
  assert.equal((await sendRequest(url, limits)).body, '{}')
})

test("an error names the system's code, and neither the URL nor a header", async () => {
  const { url, close } = await serve(() => undefined)
  await close()
  const headers = { authorization: 'Bearer s3cret' }
  for (const target of [`${url}/hook?key=s3cret`, 'http://unknown.invalid/s3cret'])
    await assert.rejects(sendRequest(target, { ...limits, headers }), (error) => {
      assert.ok(failsWith('unreachable')(error) && error instanceof Error)
      assert.match(error.message, /\((ECONNREFUSED|ENOTFOUND|EAI_AGAIN)\)/)
      assert.doesNotMatch(
        `${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`,
        /s3cret|127\.0|invalid/,
      )
      return true
    })
})

test('a connection that is cut in the middle of the answer is no answer', async () => {
  const { url } = await serve((_, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('half', () => response.destroy())
  })
  await assert.rejects(sendRequest(url, limits), failsWith('unreachable'))
})

test('the caller can give a request up, also before it is sent', async () => {
  const life = new AbortController()
  const { url } = await serve(() => life.abort())
  await assert.rejects(sendRequest(url, { ...limits, signal: life.signal }), failsWith('aborted'))
  await assert.rejects(sendRequest(url, { ...limits, signal: life.signal }), failsWith('aborted'))
})
