import assert from 'node:assert/strict'
import type { IncomingMessage, RequestListener } from 'node:http'
import { after, test } from 'node:test'
import { fetchToken } from '../../../src/session/credentials/token-url.js'
import { eventually, newSession } from '../../support/clients/client-sessions.js'
import { startGateway } from '../../support/gateway.js'
import { startServer } from '../../support/network/http-server.js'
import { tokenFor } from '../../support/tokens.js'

const jwt = 'aGVhZGVy.cGF5bG9hZA.c2lnbmF0dXJl'

let answer: RequestListener = () => undefined
let last: IncomingMessage | undefined
const server = await startServer((request, response) => {
  last = request
  answer(request, response)
})
const url = `${server.url}/token`

/** Aborts after the tests: until then a fetch keeps the timer of its answer, and with it the process. */
const afterTests = new AbortController()
after(() => afterTests.abort())

/** Returns what `fetchToken` makes of one answer of the server. */
const fetched = (status: number, body = '', headers: Record<string, string> = {}): Promise<string | null> => {
  answer = (_, response) => response.writeHead(status, headers).end(body)
  return fetchToken(url, afterTests.signal)
}

test('a token comes as JSON, as text, or as a JSON text', async () => {
  for (const body of [`{"token":"${jwt}"}`, `{ "token": "${jwt}", "more": 1 }`, jwt, ` ${jwt}\n`, `"${jwt}"`])
    assert.equal(await fetched(200, body), jwt, body)
  assert.equal(await fetched(201, jwt), jwt)
})

test('401, 403, 204, null and a redirect say that the user is signed out', async () => {
  assert.equal(await fetched(401, jwt), null)
  assert.equal(await fetched(403, jwt), null)
  assert.equal(await fetched(204), null)
  assert.equal(await fetched(200, 'null'), null)
  assert.equal(await fetched(200, '{"token":null}'), null)
})

test('a redirect says that the user is signed out, and the console says where it leads, without what may be secret', async (t) => {
  const info = t.mock.method(console, 'info', () => undefined)
  for (const status of [301, 302, 303, 307, 308]) {
    info.mock.resetCalls()
    answer = (_, response) => response.writeHead(status, { location: '/login?next=secret#secret' }).end()
    assert.equal(await fetchToken(`${url}?key=secret`, afterTests.signal), null, String(status))
    assert.equal(last?.url, '/token?key=secret', 'the redirect was not followed')
    await eventually(() => info.mock.callCount() === 1)
    assert.deepEqual(info.mock.calls[0]?.arguments, [
      `chat-session: ${url} redirects to /login. A redirect counts as signed out: give the address that answers with the token itself.`,
    ])
  }
})

test('any other answer rejects, so that it is tried again', async () => {
  const bodies = [
    '',
    '<!doctype html><title>Log in</title>',
    '{}',
    '[]',
    '{"token":7}',
    '{"token":"x"}',
    '"text"',
    'a.b',
    'a.b.c.d',
    'true',
  ]
  for (const body of bodies) await assert.rejects(fetched(200, body), Error, body)
  for (const status of [400, 404, 429, 500, 503])
    await assert.rejects(fetched(status, jwt), /answered \d{3} without a token: answer 200 with/)
  answer = (_, response) => response.destroy()
  await assert.rejects(fetchToken(url, afterTests.signal))
})

test('a fetch that is cancelled is aborted', async () => {
  const abort = new AbortController()
  answer = () => abort.abort()
  await assert.rejects(fetchToken(url, abort.signal), { name: 'AbortError' })
})

test('the token is fetched with cookies, without the cache, and redirects are not followed', async () => {
  const { fetch } = globalThis
  const inits: (RequestInit | undefined)[] = []
  globalThis.fetch = (input, init) => {
    inits.push(init)
    return fetch(input, init)
  }
  try {
    await fetched(200, jwt)
  } finally {
    globalThis.fetch = fetch
  }
  const [{ credentials, redirect, cache } = {}] = inits
  assert.deepEqual(
    { credentials, redirect, cache },
    { credentials: 'include', redirect: 'manual', cache: 'no-store' },
  )
  assert.equal(last?.headers['cache-control'], 'no-cache')
})

test('a session with a token URL starts, and fails as signed-out if the user is not logged in', async () => {
  const gateway = await startGateway()
  const token = await tokenFor('ann')
  let failures = 1
  answer = (_, response) => {
    failures -= 1
    if (failures >= 0) response.writeHead(500).end()
    else response.end(JSON.stringify({ token }))
  }
  const session = newSession({ endpoint: gateway.url, tokenUrl: new URL(url) })
  assert.ok((await session.start()).succeeded)
  await session.end()
  answer = (_, response) => response.writeHead(302, { location: '/login' }).end()
  const other = newSession({ endpoint: gateway.url, tokenUrl: url })
  const result = await other.start()
  assert.equal(result.failed && result.error.code, 'signed-out')
})
