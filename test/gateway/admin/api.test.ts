import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { SignJWT, type JWTPayload } from 'jose'
import type { AppConfig } from '../../../src/gateway/index.js'
import type {
  AppSummary,
  DeliverySummary,
  PendingEventList,
  PushTest,
  Series,
  SessionChange,
  SessionList,
  StreamLine,
  TokenCheck,
  TracedFrame,
  UserDetail,
  UserList,
  WebhookState,
} from '../../../src/protocol/internal.js'
import { startClient, startAs } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { key, secretOf, startEndpoint } from '../../support/network/webhook-endpoint.js'
import { startGateway, type GatewayParts } from '../../support/gateway.js'
import { pushOf } from '../../support/push/push-network.js'
import { startPushService } from '../../support/push/push-service.js'
import { secret, signatureSecret, tokenFor } from '../../support/tokens.js'

const token = 'the admin token of a test, 32 bytes'
const readToken = 'the read token of a test, 32 bytes.'

const run = async (app: Partial<AppConfig> = {}, parts: GatewayParts = {}) => {
  const gateway = await startGateway(app, { admin: { port: 0, token, readToken } }, parts)
  const adminUrl = await gateway.gateway.listenAdmin()
  assert.ok(adminUrl)
  const answers: string[] = []
  const request = async (method: string, path: string, body?: string, bearer = token) => {
    const response = await fetch(`${adminUrl}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${bearer}` },
      ...(body !== undefined && { body }),
    })
    return response
  }
  /** Returns the body of a successful answer. */
  const get = async <Body>(path: string): Promise<Body> => {
    const response = await request('GET', path, undefined, readToken)
    assert.equal(response.status, 200, path)
    const text = await response.text()
    answers.push(text)
    return JSON.parse(text) as Body
  }
  /** Opens a stream, and returns a function that resolves with its next entry. */
  const stream = async <Entry>(path: string): Promise<() => Promise<Entry>> => {
    const life = new AbortController()
    after(() => life.abort())
    const response = await fetch(`${adminUrl}/api${path}`, {
      headers: { authorization: `Bearer ${readToken}` },
      signal: life.signal,
    })
    assert.equal(response.status, 200, path)
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    const entries: Entry[] = []
    let rest = ''
    return async () => {
      while (entries.length === 0) {
        rest += (await reader?.read())?.value ?? ''
        const lines = rest.split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) {
          answers.push(line)
          entries.push(...(JSON.parse(line) as StreamLine<Entry>).entries)
        }
      }
      return entries.shift() as Entry
    }
  }
  return { ...gateway, request, get, stream, answers }
}

type Run = Awaited<ReturnType<typeof run>>

const start = async ({ url }: Run, userId: string, profile = {}) =>
  startAs(url, userId, { user: profile, client: 'a test' })

test('each app is listed with its usage and its limits', async () => {
  const gateway = await run()
  await start(gateway, 'ada')
  const [app] = await gateway.get<AppSummary[]>('/apps')
  assert.deepEqual(app, {
    appId: 'app',
    environment: 'test',
    sessions: 1,
    users: 1,
    guests: { used: 0, limit: 100_000 },
    inboxes: { used: 0, limit: 1_000_000 },
    bytes: { used: 0, limit: 10_737_418_240 },
  })
})

test('sessions and users are listed by page', async () => {
  const gateway = await run()
  for (let i = 0; i < 51; i++) await start(gateway, `user ${i}`)
  const first = await gateway.get<SessionList>('/apps/app/sessions')
  assert.equal(first.sessions.length, 50)
  const second = await gateway.get<SessionList>(
    `/apps/app/sessions?after=${encodeURIComponent(first.next ?? '')}`,
  )
  assert.deepEqual(
    [...first.sessions, ...second.sessions].map(({ userId }) => userId),
    Array.from({ length: 51 }, (_, index) => `user ${index}`),
  )
  assert.equal(second.next, null)
  const users = await gateway.get<UserList>('/apps/app/users')
  const more = await gateway.get<UserList>(`/apps/app/users?after=${encodeURIComponent(users.next ?? '')}`)
  assert.equal(new Set([...users.users, ...more.users].map(({ userId }) => userId)).size, 51)
})

test('a user is shown with profile, presence, inbox, sessions and the latest changes of them', async () => {
  const gateway = await run()
  const path = `/apps/app/users/${encodeURIComponent('ada/ä')}`
  const client = await start(gateway, 'ada/ä', { name: 'Ada' })
  await gateway.gateway.publish({ appId: 'app', to: 'ada/ä', body: 'hello' })
  await client.next('message')
  const user = await gateway.get<UserDetail>(path)
  assert.deepEqual(user.profile, { name: 'Ada' })
  assert.deepEqual([user.online, user.sessionCount, user.revokedBefore], [true, 1, null])
  assert.deepEqual(user.inbox, { offset: 1, readOffset: 0, unread: 1 })
  const [session] = user.sessions
  assert.deepEqual(
    [session?.way, session?.state, session?.client, session?.address],
    ['token', 'active', 'a test', '127.0.0.1'],
  )
  client.socket.close(4000)
  const stateNow = async () => (await gateway.get<UserDetail>(path)).sessions[0]?.state
  await until('the session is detached', stateNow, 'detached')
  assert.equal((await gateway.request('DELETE', `${path}/sessions/${session?.sessionId}`)).status, 204)
  const { changes } = await gateway.get<UserDetail>(path)
  assert.deepEqual(
    changes.map(({ type, code }) => [type, code]),
    [
      ['started', null],
      ['disconnected', 'left'],
      ['ended', 'revoked'],
    ],
  )
})

test('an unknown app, user or session is answered with 404', async () => {
  const { request } = await run()
  const user = '/apps/app/users/nobody'
  for (const [method, path, code] of [
    ['GET', '/apps/other/sessions', 'unknown-app'],
    ['GET', user, 'unknown-user'],
    ['GET', `${user}%00`, 'unknown-user'],
    ['DELETE', `${user}/sessions/none`, 'not-found'],
    ['GET', `${user}/sessions/none/trace`, 'not-found'],
    ['POST', '/apps/app/webhooks/test', 'not-found'],
  ] as const) {
    const response = await request(method, path)
    assert.equal(response.status, 404, path)
    assert.equal(((await response.json()) as { code: string }).code, code, path)
  }
})

test('one session or all of a user’s sessions are ended, and credentials are asked for again; each call is in the audit log', async () => {
  const gateway = await run()
  const [first, second] = [await start(gateway, 'ada'), await start(gateway, 'ada')]
  await start(gateway, 'bob')
  const path = '/apps/app/users/ada'
  const { status } = await gateway.request('DELETE', `${path}/sessions/${String(first.started['sessionId'])}`)
  assert.equal(status, 204)
  assert.equal((await first.end()).frame['code'], 'revoked')
  assert.equal((await gateway.request('POST', `${path}/reauth`)).status, 200)
  assert.equal((await second.next('renewed'))['reauth'], true)
  assert.equal((await gateway.request('POST', `${path}/revoke`)).status, 200)
  assert.equal((await second.end()).frame['code'], 'revoked')
  assert.notEqual((await gateway.get<UserDetail>(path)).revokedBefore, null)
  assert.equal((await gateway.get<SessionList>('/apps/app/sessions')).sessions.length, 1)
  const audited = gateway.lines
    .map((line) => JSON.parse(line) as { audit?: boolean; what?: string; result?: number })
    .filter(({ audit }) => audit)
  assert.deepEqual(
    audited.map(({ what, result }) => [what, result]),
    [
      ['session.end', 204],
      ['user.reauth', 200],
      ['user.revoke', 200],
    ],
  )
})

test('changes of sessions are streamed as they happen; a client that reconnects gets those that it missed', async () => {
  const gateway = await run()
  await start(gateway, 'ada')
  const next = await gateway.stream<SessionChange>('/apps/app/changes')
  const first = await next()
  assert.deepEqual([first.userId, first.type], ['ada', 'started'])
  const client = await start(gateway, 'bob')
  assert.deepEqual([(await next()).userId], ['bob'])
  client.send({ type: 'end' })
  const { type, code } = await next()
  assert.deepEqual([type, code], ['ended', 'ended'])
  const again = await gateway.stream<SessionChange>(`/apps/app/changes?after=${first.seq}`)
  assert.equal((await again()).userId, 'bob')
})

test('of a user’s changes the latest twenty are kept', async () => {
  const gateway = await run()
  for (let i = 0; i < 12; i++) {
    const client = await start(gateway, 'ada')
    client.send({ type: 'end' })
    await client.end()
  }
  const { changes } = await gateway.get<UserDetail>('/apps/app/users/ada')
  assert.equal(changes.length, 20)
  assert.equal(changes.at(-1)?.type, 'ended')
})

test('a trace shows type, size and direction of frames, and neither content nor credentials', async () => {
  const gateway = await run()
  const client = await start(gateway, 'ada')
  const path = `/apps/app/users/ada/sessions/${String(client.started['sessionId'])}/trace`
  const next = await gateway.stream<TracedFrame>(path)
  // The first `pong` may come before the trace begins, so it is skipped.
  const nextOther = async (): Promise<TracedFrame> => {
    const frame = await next()
    return ['ping', 'pong'].includes(frame.type) ? nextOther() : frame
  }
  client.send({ type: 'send', id: 'the-id', to: 'ada', body: 'the body of a message' })
  const seen = [await nextOther(), await nextOther(), await nextOther()]
  assert.deepEqual(seen.map(({ direction, type }) => `${direction} ${type}`).sort(), [
    'in send',
    'out message',
    'out sent',
  ])
  assert.ok(seen.every(({ bytes, at }) => bytes > 20 && at > 0))
  client.send({ type: 'token', token: await tokenFor('ada') })
  assert.equal((await nextOther()).type, 'token')
  assert.equal((await nextOther()).type, 'renewed')
  client.send({ type: 'send', id: 'x', to: 'ada' })
  await nextOther()
  const { type, code } = await nextOther()
  assert.deepEqual([type, code], ['refused', 'bad-request'])
  const text = gateway.answers.join('\n')
  for (const hidden of ['the body', 'the-id', 'eyJ']) assert.ok(!text.includes(hidden), hidden)
})

test('a token is checked part by part, and neither the log nor the answer has it', async () => {
  const gateway = await run()
  const check = async (checked: string): Promise<TokenCheck> => {
    const response = await gateway.request('POST', '/check-token', JSON.stringify({ token: checked }))
    assert.equal(response.status, 200)
    const text = await response.text()
    assert.ok(!text.includes(checked.split('.')[2] ?? ''))
    return JSON.parse(text) as TokenCheck
  }
  const good = await tokenFor('ada')
  const report = await check(good)
  assert.deepEqual([report.appId, report.userId], ['app', 'ada'])
  assert.deepEqual(
    report.findings.filter(({ level }) => level === 'fail'),
    [],
  )
  const wrong = await check(await tokenFor('ada', { secret: signatureSecret }))
  assert.match(wrong.findings.map(({ text }) => text).join('\n'), /one of the app's signatureSecrets/)
  await start(gateway, 'ada')
  await gateway.request('POST', '/apps/app/users/ada/revoke')
  assert.match((await check(good)).findings.at(-1)?.text ?? '', /^the token was revoked/)
  assert.ok(!gateway.lines.join('').includes(good))
  for (const body of [
    '',
    '[]',
    '{"token":1}',
    `{"token":${JSON.stringify(good)},"x":${'['.repeat(99)}${']'.repeat(99)}}`,
  ])
    assert.equal((await gateway.request('POST', '/check-token', body)).status, 400, body)
})

test('of a token without an id that is a text, no revocation of an id is shown, because the gateway accepts it', async () => {
  const gateway = await run()
  await gateway.gateway.client('app').revokeToken({ jti: '5' })
  const revoked = async (jti: unknown): Promise<boolean> => {
    const signed = await new SignJWT({ tokenType: 'user', jti } as JWTPayload)
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer('app')
      .setSubject('ada')
      .sign(Buffer.from(secret))
    const isAccepted = await startClient(gateway.url, { type: 'start', appId: 'app', token: signed }).then(
      () => true,
      () => false,
    )
    const response = await gateway.request('POST', '/check-token', JSON.stringify({ token: signed }))
    const { findings } = (await response.json()) as TokenCheck
    const isRevoked = findings.some(({ level, part }) => level === 'fail' && part === 'revocation')
    assert.equal(isRevoked, !isAccepted)
    return isRevoked
  }
  assert.equal(await revoked('5'), true)
  assert.equal(await revoked(5), false)
})

test('deliveries of webhooks are listed, tested and delivered again, without their data', async () => {
  const endpoint = await startEndpoint((response) => response.writeHead(410).end())
  const webhooks = { url: endpoint.url, secrets: [secretOf(key)] }
  const gateway = await run({ webhooks })
  const path = '/apps/app/webhooks'
  await start(gateway, 'ada', { name: 'Ada Lovelace' })
  const pending = async () => (await gateway.get<PendingEventList>(`${path}/pending`)).events
  // The endpoint answers that it does not want these events.
  await until(
    'all are given up',
    async () => (await pending()).filter(({ state }) => state === 'failed').length,
    3,
  )
  const failed = (await pending()).find(({ type }) => type === 'user.created') ?? assert.fail()
  assert.equal(failed.lastError, 'The answer has the status 410.')
  const replay = `/apps/app/users/ada/webhooks/${failed.id}/replay`
  endpoint.respond = (response) => response.end()
  assert.equal((await gateway.request('POST', replay, undefined, readToken)).status, 403)
  assert.equal((await gateway.request('POST', replay)).status, 204)
  await until('it is delivered', async () => (await pending()).length, 2)
  assert.equal((await gateway.request('POST', replay)).status, 404)
  const tested = (await (await gateway.request('POST', `${path}/test`)).json()) as DeliverySummary
  assert.deepEqual([tested.type, tested.status, tested.result], ['test', 200, 'delivered'])
  const { deliveries } = await gateway.get<WebhookState>(path)
  assert.deepEqual(
    deliveries.slice(0, 2).map(({ type, result }) => [type, result]),
    [
      ['test', 'delivered'],
      ['user.created', 'delivered'],
    ],
  )
  const text = gateway.answers.join('\n')
  for (const hidden of ['Lovelace', 's3cret', secretOf(key)]) assert.ok(!text.includes(hidden), hidden)
})

test('the charts have samples of the last hour', async () => {
  const { get } = await run()
  const series = await get<Series[]>('/charts')
  assert.ok(series.length >= 6)
  assert.ok(series.every(({ values }) => values.length >= 1))
})

test('no answer has a secret, a token or a resume key', async () => {
  const gateway = await run()
  const client = await start(gateway, 'ada')
  await gateway.get('/apps')
  await gateway.get('/apps/app/sessions')
  await gateway.get('/apps/app/users')
  await gateway.get('/apps/app/users/ada')
  await (
    await gateway.stream<SessionChange>('/apps/app/changes')
  )()
  await gateway.get('/charts')
  const text = gateway.answers.join('\n')
  for (const hidden of [secret, signatureSecret, token, readToken, String(client.started['resumeKey'])])
    assert.ok(!text.includes(hidden), hidden)
  // A random id may have the beginning of a token, so the pattern has two parts of one.
  assert.doesNotMatch(text, /eyJ[\w-]{8,}\.[\w-]{8,}/)
})

test("a user's devices are listed without their endpoints, get a test push, and can be ended", async () => {
  const service = await startPushService()
  const { url, request, get } = await run({ push: pushOf() }, { pushNetwork: service.network })
  const client = await startAs(url, 'ada')
  for (const device of ['phone', 'laptop'])
    client.send({ type: 'push', subscription: service.subscribe(device) })
  const detail = () => get<UserDetail>('/apps/app/users/ada')
  await until('both are stored', async () => (await detail()).devices?.length, 2)
  assert.ok(!JSON.stringify(await detail()).includes('/send/'))

  service.respond = (response, { device }) => response.writeHead(device === 'phone' ? 201 : 410).end()
  const tested = await request('POST', '/apps/app/users/ada/push/test')
  const results = (await tested.json()) as PushTest[]
  assert.deepEqual(
    results.map(({ result, error }) => [result, error]),
    [
      ['gone', 'status 410'],
      ['delivered', null],
    ],
  )
  assert.deepEqual(service.faults, [])
  assert.deepEqual(service.bodies('phone'), ['This is a test.'])
  const [left, ...others] = (await detail()).devices ?? []
  assert.deepEqual([left?.host, others], ['push.test', []])

  const path = `/apps/app/users/ada/push/${left?.id ?? ''}`
  assert.equal((await request('DELETE', path, undefined, readToken)).status, 403)
  assert.equal((await request('DELETE', path)).status, 204)
  assert.equal((await request('DELETE', path)).status, 404)
  assert.deepEqual((await detail()).devices, [])
})

test('an app without push has no devices to test', async () => {
  const { url, request, get } = await run()
  await startAs(url, 'ada')
  assert.equal((await get<UserDetail>('/apps/app/users/ada')).devices, null)
  assert.equal((await request('POST', '/apps/app/users/ada/push/test')).status, 404)
})
