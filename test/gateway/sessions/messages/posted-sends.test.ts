import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMemoryEngine, EngineError, type Engine } from '../../../../src/engine/index.js'
import { createApp, type App } from '../../../../src/gateway/apps/app.js'
import { parseConfig } from '../../../../src/gateway/config/parse.js'
import { createStartQueue } from '../../../../src/gateway/limits/start-queue.js'
import { createLog } from '../../../../src/gateway/log.js'
import { loadOpenTelemetry } from '../../../../src/gateway/open-telemetry.js'
import { createTracing } from '../../../../src/gateway/tracing/tracing.js'
import { createMetrics } from '../../../../src/gateway/metrics/metrics.js'
import { createSendAuthorizer } from '../../../../src/gateway/messages/send-authorizer.js'
import { createPostedSends } from '../../../../src/gateway/sessions/messages/posted-sends.js'
import { forge } from '../../../support/forged-tokens.js'
import { authorizeWays } from '../../../support/gateway/authorize-ways.js'
import { startGateway } from '../../../support/gateway.js'
import {
  codesOf,
  post,
  postAs,
  postBody,
  postedSendTests,
  type Post,
} from '../../../support/clients/posted-sends.js'
import { memoryOfEach } from '../../../support/memory.js'
import { startClient, within } from '../../../support/raw-client.js'
import { onBothEngines, restOf } from '../../../support/rest/rest-calls.js'
import { guestStart } from '../../../support/starts.js'
import { appId, secret, tokenFor } from '../../../support/tokens.js'
import { until } from '../../../support/until.js'

// The gateways start before the first test: one that opens while no test runs is closed with the file's tests.
const running = await onBothEngines({ limits: { messagesPerSecond: 1_000 } })
const { url } = await startGateway({ origins: ['https://www.example.com'], unknownRecipients: false })
for (const gateway of running) postedSendTests(gateway.on, [gateway.url, gateway.url])

const hello = { id: '1', to: 'ada', body: 'hello' }
const statusAndCode = ({ status, code }: Post): unknown[] => [status, code]

test('a message that can’t be stored does not stop those behind it', async () => {
  const posted = await postAs(url, 'ada', [
    { id: '', to: 'ada', body: 'x' },
    { id: 'nothing', to: 'ada' },
    { id: 'nobody', to: 'nobody', body: 'x' },
    { id: 'large', to: 'ada', body: 'x'.repeat(16_385) },
    hello,
  ])
  assert.deepEqual(codesOf(posted), ['bad-request', 'bad-request', 'unknown-user', 'too-large', undefined])
  assert.deepEqual(posted.results[2], {
    id: 'nobody',
    code: 'unknown-user',
    message: posted.results[2]?.['message'],
    retryable: false,
  })
})

test('after a message that is refused only for now, the rest have the same code', async () => {
  const { url } = await startGateway({ limits: { messagesPerSecond: 2 } })
  const sends = ['1', '2', '3', '4'].map((id) => ({ ...hello, id }))
  const posted = await postAs(url, 'ada', sends)
  assert.deepEqual(codesOf(posted), [undefined, undefined, 'rate-limited', 'rate-limited'])
  const [, , third, fourth] = posted.results
  assert.equal(third?.['retryable'], true)
  assert.ok((third['retryAfter'] as number) > 0)
  assert.deepEqual({ ...third, id: '4' }, fourth)
})

test('a user in debt of bytesPerSecond is told when to post again', async () => {
  const { url } = await startGateway({ limits: { bytesPerSecond: 1_024 } })
  const large = { ...hello, body: 'x'.repeat(4_000) }
  assert.deepEqual(codesOf(await postAs(url, 'ada', [large])), [undefined])
  const posted = await postAs(url, 'ada', [{ ...large, id: '2' }])
  assert.deepEqual(codesOf(posted), ['rate-limited'])
  assert.ok((posted.results[0]?.['retryAfter'] as number) > 1_000)
})

test('the log names the app of a refused post, unless the app is unknown', async () => {
  const { url, lines } = await startGateway()
  for (const id of [appId, 'a secret in the wrong field'])
    await post(url, { appId: id, token: 'x.x.x', sends: [hello] })
  const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const refused = logged.filter(({ msg }) => msg === 'posted messages refused')
  assert.deepEqual(
    refused.map((line) => line['appId']),
    [appId, undefined],
  )
})

test('a bad or expired proof is 401, and none, two or an id of somebody else 400', async () => {
  const token = await tokenFor('ada')
  const sends = [hello]
  const expired = { tokenType: 'user', iss: appId, sub: 'ada', exp: Math.floor(Date.now() / 1_000) - 1 }
  for (const body of [
    { appId, token: `${token}x`, sends },
    { appId, token: forge(expired, undefined, secret), sends },
    { appId, signature: 'f'.repeat(64), userId: 'ada', sends },
  ])
    assert.equal((await post(url, body)).status, 401)
  for (const body of [
    { appId, sends },
    { appId, userId: 'ada', sends },
    { appId, token, signature: 'f'.repeat(64), userId: 'ada', sends },
    { appId, signature: 'f'.repeat(64), sends },
    { appId, guest: true, sends },
    { appId, token, userId: 'bob', sends },
  ])
    assert.deepEqual(statusAndCode(await post(url, body)), [400, 'bad-request'])
})

test('a body that is no post is 400, one that is too large 413, an unknown app 404', async () => {
  const token = await tokenFor('ada')
  const many = Array.from({ length: 17 }, (_, n) => ({ ...hello, id: `${n}` }))
  for (const sends of [[], many, undefined, {}, [null], [{ ...hello, to: 1 }], [{ id: '1', body: 'x' }]])
    assert.deepEqual(statusAndCode(await post(url, { appId, token, sends })), [400, 'bad-request'])
  for (const body of ['', 'x', '[]', 'null', new Uint8Array([0x7b, 0xff, 0x7d])])
    assert.deepEqual(statusAndCode(await postBody(url, body)), [400, 'bad-request'])
  assert.deepEqual(statusAndCode(await postBody(url, ' '.repeat(61_441))), [413, 'too-large'])
  const unknown = await post(url, { appId: 'other', token, sends: [hello] })
  assert.deepEqual(statusAndCode(unknown), [404, 'unknown-app'])
  assert.equal((await postAs(url, 'ada', many.slice(1))).results.length, 16)
})

test('any origin reads the answer, but only pages of the app’s origins are served', async () => {
  const token = await tokenFor('ada')
  const body = { appId, token, sends: [hello] }
  const served = await post(url, body, { origin: 'https://www.example.com' })
  for (const [origin, status] of [
    ['https://evil.example', 403],
    ['null', 403],
  ] as const)
    assert.deepEqual(statusAndCode(await post(url, body, { origin })), [status, 'origin-refused'])
  for (const { status, headers } of [served, await postBody(url, 'x')]) {
    assert.ok(status === 200 || status === 400)
    assert.equal(headers.get('access-control-allow-origin'), '*')
    assert.equal(headers.get('access-control-allow-credentials'), null)
    assert.equal(headers.get('access-control-expose-headers'), 'retry-after')
    assert.equal(headers.get('cache-control'), 'no-store, no-transform')
    assert.equal(headers.get('x-accel-buffering'), 'no')
  }
  const wrong = await fetch(`${url}/v1/session/send`)
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST'])
})

test('the app’s `send` rule and its authorizeSend decide about posted messages', async () => {
  const asked: unknown[] = []
  const { url } = await startGateway({
    send: 'users',
    authorizeSend: (message) => {
      asked.push(message)
      return message.to === 'friend'
    },
  })
  const sends = ['friend', 'stranger'].map((to) => ({ id: '1', to, body: 'x' }))
  assert.deepEqual(codesOf(await postAs(url, 'ada', sends)), [undefined, 'refused'])
  assert.deepEqual(asked, [
    { from: 'ada', to: 'friend' },
    { from: 'ada', to: 'stranger' },
  ])
  const guest = await startClient(url, guestStart)
  const posted = await post(url, { appId, token: guest.started['token'], sends })
  assert.deepEqual(codesOf(posted), ['refused', 'refused'])
})

test('sixteen posted messages are answered after 15 seconds, though the app needs a minute to decide about them', async () => {
  const { url } = await startGateway({ authorizeSend: () => sleep(4_000, true) })
  const sends = Array.from({ length: 16 }, (_, n) => ({ id: `${n}`, to: 'bob', body: 'x' }))
  const codes = codesOf(await within(postAs(url, 'ada', sends), 'answer', 20_000))
  assert.deepEqual(codes, [undefined, undefined, undefined, ...Array<string>(13).fill('unavailable')])
})

test('a token that is revoked while a message is authorized stores nothing', async () => {
  const { url, gateway } = await startGateway({
    authorizeSend: async ({ from }) => {
      await restOf(url)('DELETE', `/users/${from}/sessions`)
      return true
    },
  })
  assert.deepEqual(codesOf(await postAs(url, 'ada', [hello])), ['unauthenticated'])
  const { messages } = await gateway.client(appId).listMessages({ user: 'ada' })
  assert.deepEqual(messages, [])
})

/** Returns a memory engine whose methods may be replaced while it runs. */
const changeable = (): { engine: Engine; changes: Partial<Engine> } => {
  const memory = createMemoryEngine()
  const changes: Partial<Engine> = {}
  const engine = new Proxy(memory, {
    get: (_, name: keyof Engine) => changes[name] ?? memory[name].bind(memory),
  })
  return { engine, changes }
}
const away = () => Promise.reject(new EngineError('unavailable', 'The engine is away.'))

test('an engine that is away is 503, and one that fails later is told in the results', async () => {
  const { engine, changes } = changeable()
  const { url } = await startGateway({}, {}, { engine })
  let sends = 0
  const { send } = engine
  changes.send = (...message) => (++sends === 2 ? away() : send(...message))
  const posted = await postAs(
    url,
    'ada',
    ['1', '2', '3'].map((id) => ({ ...hello, id })),
  )
  assert.deepEqual(codesOf(posted), [undefined, 'unavailable', 'unavailable'])
  assert.ok((posted.results[1]?.['retryAfter'] as number) >= 1_000)
  changes.isRevoked = away
  const refused = await postAs(url, 'ada', [hello])
  assert.deepEqual(statusAndCode(refused), [503, 'unavailable'])
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
})

const here = { origin: null, address: 'here' }

/** Returns the function that stores posts, and its metrics. Without `app` there is no app. The posts wait in a queue with these options. */
const queued = (options: Parameters<typeof createStartQueue>[0], app?: App, maxTime?: number) => {
  const startQueue = createStartQueue({ atOnce: { fewest: 0, first: 0, most: 0 }, ...options })
  const metrics = createMetrics()
  const [engine, log] = [createMemoryEngine(), createLog({ level: 'fatal' })]
  const settings = { apps: new Map(), sendWindow: 1_000, startTimeout: 1_000 }
  const sendPosted = createPostedSends(
    {
      settings,
      apps: () => Promise.resolve(new Map(app && [[appId, app]])),
      engine,
      log,
      metrics,
      tracing: createTracing(loadOpenTelemetry(createLog({ level: 'fatal' }))),
      startQueue,
      sendAuthorizer: createSendAuthorizer({ settings, engine, log, metrics }),
    },
    maxTime,
  )
  return { engine, metrics, sendPosted, startQueue }
}

for (const [name, wayOf] of Object.entries(authorizeWays))
  test(`all messages of a post are decided about within its time, however long \`${name}\` takes`, async () => {
    let asked = 0
    const settings = {
      environment: 'test',
      secrets: [secret],
      ...(await wayOf(async () => ++asked === 1 || new Promise(() => undefined))),
    }
    const parsed = parseConfig({ apps: { [appId]: settings } }, {})
    assert.ok(parsed.ok)
    const app = createApp(parsed.config.apps.get(appId) ?? assert.fail(), Buffer.alloc(32))
    const { engine, sendPosted } = queued({ atOnce: { fewest: 1, first: 1, most: 1 } }, app, 300)
    await engine.open()
    const posted = {
      appId,
      token: await tokenFor('ada'),
      sends: ['1', '2', '3'].map((id) => ({ ...hello, id })),
    }
    const answer = await sendPosted(posted, JSON.stringify(posted), here)
    assert.ok(answer.ok)
    assert.deepEqual(
      answer.results.map((result) => ('code' in result ? result.code : 'sent')),
      ['sent', 'unavailable', 'unavailable'],
    )
    await engine.close()
  })

test('posts wait with the starts, and are refused when too many wait', async () => {
  const { metrics, sendPosted } = queued({ waiting: 0 })
  const answer = await sendPosted({ appId, sends: [hello] }, '{}', here)
  assert.deepEqual([answer.ok, !answer.ok && answer.code], [false, 'unavailable'])
  assert.match(await metrics.scrape(), /limits_reached_total\{app="",limit="starts"\} 1/)
})

test('a post that has waited is answered at its turn', async () => {
  const { sendPosted, startQueue } = queued({ atOnce: { fewest: 1, first: 1, most: 1 }, maxRunning: 60_000 })
  let finish: () => void = () => undefined
  const first = startQueue.run(() => new Promise((resolve) => (finish = resolve)), 'here', 1)
  const posted = { appId, token: 'x.x.x', sends: [hello] }
  const answer = sendPosted(posted, JSON.stringify(posted), here)
  assert.equal(startQueue.waiting(), 1)
  finish()
  await first
  const { ok, ...refused } = await answer
  assert.deepEqual([ok, 'code' in refused && refused.code], [false, 'unknown-app'])
})

test('a post that waits takes no more memory than its text', async () => {
  const { sendPosted } = queued({ maxWait: 600_000 })
  // This list takes more than 10 times as much memory once it is parsed.
  const list = Array.from({ length: 18_000 }, () => ({}))
  const body = JSON.stringify({ appId, sends: [{ ...hello, data: { list } }] })
  const each = await memoryOfEach((from, to) => {
    for (let number = from; number < to; number++) {
      // Each post has a text of its own, as when it comes over the network.
      const json = Buffer.from(body).toString()
      void sendPosted(JSON.parse(json) as Parameters<typeof sendPosted>[0], json, here)
    }
  }, 50)
  assert.ok(each < 3 * body.length, `${each} bytes each`)
})

test('posted messages that wait for `authorizeSend` take no more memory than their text, and are stored whole', async () => {
  let asked = 0
  let allow: () => void = () => undefined
  const allowed = new Promise<boolean>((resolve) => (allow = () => resolve(true)))
  const authorizeSend = (): Promise<boolean> => {
    asked++
    return allowed
  }
  const limits = { messagesPerSecond: 1_000_000, bytesPerSecond: 1e9 }
  const { url, gateway } = await startGateway({ limits, authorizeSend })
  // These data take more than 10 times as much memory once they are parsed.
  const data = { list: Array.from({ length: 5_000 }, () => ({})) }
  const sends = ['1', '2', '3'].map((id) => ({ id, to: 'ada', data }))
  const { length } = JSON.stringify(sends)
  const posts: Promise<Post>[] = []
  const each = await memoryOfEach(async (_, to) => {
    while (posts.length < to) posts.push(postAs(url, `${posts.length}`, sends))
    await until('the posts that wait', () => asked, to)
  }, 50)
  assert.ok(each < 6 * length, `${each} bytes each, of ${length}`)
  allow()
  for (const posted of await Promise.all(posts))
    assert.deepEqual(codesOf(posted), [undefined, undefined, undefined])
  const { messages } = await gateway.client(appId).listMessages({ user: '0' })
  assert.deepEqual(
    messages.map((message) => message.data),
    [data, data, data],
  )
})
