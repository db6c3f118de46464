import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { after, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { calls } from '../../src/gateway/rest/calls/calls.js'
import { operations } from '../../src/rest-client/operations.js'
import { createMemoryEngine, EngineError, type Engine } from '../../src/engine/index.js'
import { createGateway } from '../../src/gateway/index.js'
import { createRestClient, RestError, type RestCalls } from '../../src/rest-client/index.js'
import { createAppToken } from '../../src/tokens/index.js'
import { startClient } from '../support/raw-client.js'
import { makeEveryCall } from '../support/rest/every-call.js'
import { startServer } from '../support/network/http-server.js'
import { secret } from '../support/tokens.js'
import { startGateway, testApp, type TestGateway } from '../support/gateway.js'
import { startOf } from '../support/starts.js'

const root = new URL('../../', import.meta.url)
const { url } = await startGateway()

/** Both kinds of client of an app. */
const clients: Record<string, (of: TestGateway, appId?: string) => RestCalls> = {
  'over HTTP': ({ url }, appId = 'app') => createRestClient({ endpoint: url, appId, secret }),
  'in the gateway’s process': ({ gateway }, appId = 'app') => gateway.client(appId),
}

test('docs/REST.md names every method of the client', async () => {
  const guide = await readFile(new URL('docs/REST.md', root), 'utf8')
  assert.deepEqual(Object.keys(operations).sort(), calls.map(({ id }) => id).sort())
  for (const name of Object.keys(operations)) assert.ok(guide.includes(`\`${name}\``), name)
})

for (const [how, clientOf] of Object.entries(clients)) {
  test(`each method makes its call, with ids of every kind, ${how}`, async () => {
    const run = await startGateway()
    const chat = clientOf(run)
    await makeEveryCall({ url: run.url, appId: 'app', secret }, async (name, input) => {
      try {
        return { answer: (await chat[name as keyof RestCalls](input as never)) ?? null }
      } catch (error) {
        if (error instanceof RestError) return { error }
        throw error
      }
    })
  })

  test(`an error has the status, the code and the sentence, ${how}`, async () => {
    const run = await startGateway()
    const error = await clientOf(run)
      .getUser({ user: 'nobody' })
      .catch((caught: unknown) => caught)
    assert.ok(error instanceof RestError)
    assert.deepEqual(
      [error.name, error.status, error.code, error.retryAfter],
      ['RestError', 404, 'unknown-user', null],
    )
    assert.match(error.message, /no user with this id/)
    for (const [call, code] of [
      [() => clientOf(run, 'none').getUsage(), how === 'over HTTP' ? 'unauthenticated' : 'unknown-app'],
      [() => clientOf(run).listMessages({ user: 'nobody', before: 1, after: 1 }), 'unknown-user'],
      [() => clientOf(run).listUsers({ limit: 0 }), 'bad-request'],
      [() => clientOf(run).listUsers({ cursor: 'x' }), 'bad-request'],
      [() => clientOf(run).putUser({ user: 'ada', body: { name: 1 } as object }), 'bad-request'],
      [() => clientOf(run).putUser({ user: 'guest:ada', body: {} }), 'unknown-user'],
      [() => clientOf(run).sendMessage({ user: 'ada', body: { body: 'x'.repeat(16_385) } }), 'too-large'],
      [() => clientOf(run).endSession({ user: 'ada', session: 'none' }), 'not-found'],
    ] as const)
      await assert.rejects(call(), { name: 'RestError', code })
    await run.gateway.close()
    await assert.rejects(clientOf(run).getUsage())
  })

  test(`ids that would change the path are refused before anything is sent, ${how}`, async () => {
    const run = await startGateway()
    for (const user of ['.', '..', '', '\ud800', undefined, null, true])
      await assert.rejects(clientOf(run).endUserSessions({ user: user as string }), TypeError)
    await assert.rejects(clientOf(run, '..').getUsage(), TypeError)
  })

  test(`a number that is no safe integer is refused with a sentence, ${how}`, async () => {
    const chat = clientOf(await startGateway())
    await chat.putUser({ user: 1, body: {} })
    const { epoch } = await chat.listMessages({ user: 1 })
    assert.equal((await chat.markRead({ user: 1, body: { epoch, offset: 0, with: 7 } })).with, '7')
    for (const id of [1.5, 2 ** 53, NaN, Infinity]) {
      await assert.rejects(chat.endUserSessions({ user: id }), /^TypeError: .*safe integer/)
      await assert.rejects(chat.listMessages({ user: 1, with: id }), /^TypeError: .*safe integer/)
      // JSON has no NaN and no Infinity, so the client refuses them. `null` in their place would mean the app's backend.
      const refusal = Number.isFinite(id) ? /must be a user id: .*a safe integer/ : /^TypeError: .* JSON /
      for (const call of [
        () => chat.sendMessage({ user: 1, body: { from: id, body: 'Hello' } }),
        () => chat.sendSignal({ user: 1, body: { from: id, name: 'typing' } }),
        () => chat.getUsersStatus({ body: { users: [1, id] } }),
        () => chat.markRead({ user: 1, body: { epoch, offset: 0, with: id } }),
      ])
        await assert.rejects(call(), refusal)
    }
    const { results } = await chat.sendMessages({ body: { to: [1, 1.5], body: 'Hello' } })
    const [, refused] = results
    assert.ok(refused && 'problem' in refused)
    assert.deepEqual([refused.user, refused.problem.code], ['1.5', 'bad-request'])
    assert.match(refused.problem.title, /a safe integer/)
  })

  test(`a misspelt parameter is an error, so that it logs out no harder than meant, ${how}`, async () => {
    const run = await startGateway()
    const session = await startClient(run.url, await startOf('ann'))
    const chat = clientOf(run)
    const misspelt = { user: 'ann', moed: 'reauth' }
    await assert.rejects(chat.endUserSessions(misspelt), /TypeError: .*'endUserSessions' has no 'moed'/)
    // The client has one app, and ends no session of another app.
    const ofAnother = { user: 'ann', app: 'another' }
    await assert.rejects(chat.endUserSessions(ofAnother), /TypeError: .*'endUserSessions' has no 'app'/)
    const { sessions } = await chat.listUserSessions({ user: 'ann', limit: undefined })
    assert.equal(sessions.length, 1)
    session.close()
  })

  test(`the messages with null, the id of the backend in the list of peers, are the backend's, ${how}`, async () => {
    const chat = clientOf(await startGateway())
    await chat.sendMessage({ user: 'ann', body: { body: 'of the backend' } })
    await chat.sendMessage({ user: 'ann', body: { body: 'of null', from: 'null' } })
    for (const { id, newest } of (await chat.listPeers({ user: 'ann' })).peers) {
      const input: object = { user: 'ann', with: id }
      const { messages } = await chat.listMessages(input as { user: string })
      assert.deepEqual(messages, [newest])
    }
  })

  test(`a signal ends a call, ${how}`, async () => {
    const run = await startGateway()
    const chat = clientOf(run)
    await assert.rejects(chat.getUsage({ signal: AbortSignal.abort() }), { name: 'AbortError' })
    const controller = new AbortController()
    const waiting = assert.rejects(chat.getUsage({ signal: controller.signal }), { name: 'AbortError' })
    controller.abort()
    await waiting
    assert.ok(await chat.getUsage({ signal: new AbortController().signal }))
  })
}

test('a call beyond `restPerSecond` is refused over HTTP, with the time to try again; code in the process has no such limit', async () => {
  const limited = await startGateway({ limits: { restPerSecond: 1 } })
  const hasty = createRestClient({ endpoint: limited.url, appId: 'app', secret })
  const refused = await Promise.all([1, 2, 3].map(() => hasty.getUsage().catch((caught: unknown) => caught)))
  const one = refused.find((each) => each instanceof RestError)
  assert.ok(one instanceof RestError)
  assert.deepEqual([one.code, one.retryAfter], ['rate-limited', 1])
  await Promise.all(Array.from({ length: 2_000 }, () => limited.gateway.client('app').getUsage()))
})

test('in the process, an error has the cause; a closed gateway gives no answer', async () => {
  const memory = createMemoryEngine()
  const failure = new EngineError('unavailable', 'The disk is full.')
  const engine = new Proxy(memory, {
    get: (_, name: keyof Engine) =>
      name === 'usage' ? () => Promise.reject(failure) : memory[name].bind(memory),
  })
  const gateway = createGateway({ apps: { app: testApp() } }, { engine })
  after(() => gateway.close())
  const error = await gateway
    .client('app')
    .getUsage()
    .catch((caught: unknown) => caught)
  assert.ok(error instanceof RestError)
  assert.deepEqual([error.code, error.retryAfter, error.cause], ['unavailable', 5, failure])
  await assert.rejects(gateway.client('none').getUsage(), { code: 'unknown-app', cause: undefined })
  await gateway.close()
  await assert.rejects(gateway.client('app').getUsage(), { name: 'GatewayError', code: 'closed' })
})

test('in the process, what a call answers is a copy', async () => {
  const { gateway } = await startGateway()
  const chat = gateway.client('app')
  await chat.putUser({ user: 'ada', body: { custom: { plan: 'free' } } })
  const { user } = await chat.getUser({ user: 'ada' })
  if (user.custom) user.custom['plan'] = 'paid'
  assert.deepEqual((await chat.getUser({ user: 'ada' })).user.custom, { plan: 'free' })
})

test('a bad endpoint is refused', () => {
  for (const endpoint of ['', 'chat.example.com', 'ftp://x', 'https://x?y', 'https://x#y'])
    assert.throws(() => createRestClient({ endpoint, appId: 'app', secret }), TypeError)
})

test('once a clock that was ahead is set right, even by less than a minute, calls succeed at once', async (t) => {
  const chat = createRestClient({ endpoint: url, appId: 'app', secret })
  const { now } = Date
  const ahead = t.mock.method(Date, 'now', () => now() + 50_000)
  await assert.rejects(chat.getUsage(), { code: 'unauthenticated' })
  ahead.mock.restore()
  await chat.getUsage()
})

test('a token of your own is asked for before each call', async () => {
  let count = 0
  const own = createRestClient({
    endpoint: `${url}/`,
    appId: 'app',
    token: () => {
      count += 1
      return createAppToken({ appId: 'app', secret })
    },
  })
  await own.getUsage()
  await own.getUsage()
  assert.equal(count, 2)
})

test('a signal ends a call that still waits for a token of your own', async () => {
  const own = createRestClient({ endpoint: url, appId: 'app', token: () => new Promise(() => undefined) })
  const stop = new AbortController()
  const call = own.getUsage({ signal: stop.signal })
  stop.abort(new Error('enough'))
  const pending = nextTurn().then(() => assert.fail('The call is pending.'))
  await assert.rejects(Promise.race([call, pending]), { message: 'enough' })
})

test('an answer that is not the gateway’s is an error, and a redirect is not followed', async () => {
  const seen: IncomingMessage[] = []
  const { url: endpoint } = await startServer((request, response) => {
    seen.push(request)
    if (request.url?.startsWith('/stolen')) response.end('{}')
    else if (request.url?.includes('redirect')) response.writeHead(302, { location: '/stolen' }).end()
    else if (request.url?.includes('page')) response.end('<h1>Log in first</h1>')
    else if (request.url?.includes('cut'))
      response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '5' }).end('{"co')
    else if (request.url?.includes('null'))
      response.writeHead(500, { 'content-type': 'application/problem+json' }).end('null')
    else response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>')
  })
  for (const [appId, status] of [
    ['app', 502],
    ['redirect', 302],
    ['page', 200],
    ['cut', 503],
    ['null', 500],
  ] as const)
    await assert.rejects(createRestClient({ endpoint, appId, secret }).getUsage(), {
      name: 'RestError',
      status,
      code: 'unknown',
    })
  assert.equal(seen.length, 5)
})

test('an empty answer of a firewall or a proxy is no success, unless the call itself has that answer', async () => {
  const { url: endpoint } = await startServer((request, response) => {
    if (request.url?.includes('/apps/page/'))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"maintenance":true}')
    else response.writeHead(request.url?.includes('/apps/accepted/') ? 202 : 204).end()
  })
  const of = (appId: string): RestCalls => createRestClient({ endpoint, appId, secret })
  const [accepted, none] = [of('accepted'), of('none')]
  for (const [status, chat] of [
    [202, accepted],
    [204, none],
  ] as const)
    for (const call of [
      () => chat.sendMessage({ user: 'ann', body: { body: 'Hello' } }),
      () => chat.endUserSessions({ user: 'ann' }),
      () => chat.getUsage(),
    ])
      await assert.rejects(call, { name: 'RestError', status, code: 'unknown' })
  await assert.rejects(accepted.revokeToken({ jti: '1' }), { status: 202, code: 'unknown' })
  // An answer with a body is none of a call that has no body.
  await assert.rejects(of('page').revokeToken({ jti: '1' }), { status: 200, code: 'unknown' })
  assert.equal(await none.revokeToken({ jti: '1' }), undefined)
  assert.equal(await accepted.sendSignal({ user: 'ann', body: { name: 'typing' } }), undefined)
})
