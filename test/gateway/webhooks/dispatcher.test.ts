// The dispatcher of webhooks between a queue of pending events and real HTTP servers.
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, test } from 'node:test'
import { createDispatcher, type Dispatcher } from '../../../src/gateway/webhooks/dispatcher.js'
import { createMetrics, type Metrics } from '../../../src/gateway/metrics/metrics.js'
import { createLog } from '../../../src/gateway/log.js'
import { loadOpenTelemetry } from '../../../src/gateway/open-telemetry.js'
import { createTracing } from '../../../src/gateway/tracing/tracing.js'
import { until } from '../../support/until.js'
import { key, startEndpoint } from '../../support/network/webhook-endpoint.js'
import { createTestQueue, type TestQueue } from './queue.js'

const DAY = 86_400_000

const settingsOf = (url: string) => ({
  webhooks: { url, secrets: [key], events: [], unreadAfter: 0 },
})

/** Creates a dispatcher for these endpoints, by app id. It is closed after the tests. */
const run = (queue: TestQueue, urls: Record<string, string>, metrics: Metrics = createMetrics()) => {
  const lines: string[] = []
  const log = createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } })
  const dispatcher = createDispatcher(queue, log, createTracing(loadOpenTelemetry(log)), metrics)
  const reload = (changed: Record<string, string>): void =>
    dispatcher.configure(new Map(Object.entries(changed).map(([appId, url]) => [appId, settingsOf(url)])))
  after(() => dispatcher.close(0))
  queue.onDue = (appId) => dispatcher.wake(appId)
  reload(urls)
  return Object.assign(dispatcher, { lines, reload })
}

const ok = (response: ServerResponse): unknown => response.end()
const status = (code: number) => (response: ServerResponse) => response.writeHead(code).end()

const delivered = (queue: TestQueue): string[] =>
  queue.outcomes.flatMap(({ id, outcome }) => ('delivered' in outcome ? [id] : []))

/** Wakes the dispatcher as if the pauses were over, until the condition holds. */
const hurryUntil = (what: string, queue: TestQueue, dispatcher: Dispatcher, holds: () => boolean) =>
  until(what, () => {
    queue.hurry()
    dispatcher.wake('app')
    return holds()
  })

test('pending events are delivered as soon as the dispatcher is configured, signed and complete', async () => {
  const endpoint = await startEndpoint(ok)
  const queue = createTestQueue()
  const event = { id: 'evt', type: 'user.online', seq: 7, at: 1_700_000_000_000, userId: 'Zoë' } as const
  queue.add({ ...event, data: { online: true, sessions: 1 } })
  run(queue, { app: endpoint.url })
  await until('it is delivered', () => delivered(queue).length, 1)
  const [{ id, body, headers } = assert.fail()] = endpoint.received
  assert.equal(id, 'evt')
  assert.deepEqual(Object.keys(body), ['type', 'id', 'seq', 'at', 'appId', 'userId', 'data'])
  assert.deepEqual(body, { ...event, appId: 'app', data: { online: true, sessions: 1 } })
  assert.equal(headers['content-type'], 'application/json')
})

test('the user of an event of the app itself is null', async () => {
  const endpoint = await startEndpoint(ok)
  const queue = createTestQueue()
  queue.add({ type: 'events.dropped', userId: '' })
  const dispatcher = run(queue, { app: endpoint.url })
  await until('it is delivered', () => delivered(queue).length, 1)
  assert.equal(endpoint.received[0]?.body['userId'], null)
  assert.equal(dispatcher.deliveries('app')[0]?.userId, null)
})

test('events of one user come one after the other in their order, also over failures; those of others overtake them', async () => {
  let failing = true
  const endpoint = await startEndpoint((response, { userId }) =>
    status(userId === 'ada' && failing ? 500 : 204)(response),
  )
  const queue = createTestQueue()
  for (const userId of ['ada', 'ada', 'bob', 'ada', 'bob']) queue.add({ userId })
  const dispatcher = run(queue, { app: endpoint.url })
  await until("bob's are delivered", () => delivered(queue).join(), '3,5')
  assert.deepEqual(
    endpoint.received.filter(({ userId }) => userId === 'ada').map(({ id }) => id),
    ['1'],
  )
  failing = false
  await hurryUntil("ada's are delivered", queue, dispatcher, () => delivered(queue).length === 5)
  const [, ...again] = endpoint.received.filter(({ userId }) => userId === 'ada')
  assert.deepEqual(
    again.map(({ id }) => id),
    ['1', '2', '4'],
  )
})

test('a failed delivery is repeated after a second and after two more, with the same id and body, by itself', async () => {
  let failures = 2
  const endpoint = await startEndpoint((response) => status(failures-- > 0 ? 503 : 200)(response))
  const queue = createTestQueue()
  queue.add({ userId: 'ada' })
  const dispatcher = run(queue, { app: endpoint.url })
  await until('it is delivered', () => delivered(queue).length, 1)
  const [first, second, third] = endpoint.received
  assert.ok(first && second && third && endpoint.received.length === 3)
  for (const { id, body } of [second, third])
    assert.deepEqual({ id, body }, { id: first.id, body: first.body })
  const pauses = queue.outcomes.map(({ outcome }) => 'retryAfter' in outcome && outcome.retryAfter)
  assert.deepEqual(pauses, [1_000, 2_000, false])
  assert.ok(second.at - first.at >= 1_000 && third.at - second.at >= 2_000)
  assert.deepEqual(
    dispatcher.deliveries('app').map(({ attempt, status, result }) => [attempt, status, result]),
    [
      [3, 200, 'delivered'],
      [2, 503, 'retry'],
      [1, 503, 'retry'],
    ],
  )
  // The dispatcher did not ask again and again while nothing was due.
  assert.ok(queue.taken() <= 10, `${queue.taken()}`)
})

test("an app's first failure is a line of the log, and so is the first delivery after it", async () => {
  let code = 401
  const endpoint = await startEndpoint((response) => status(code)(response))
  const queue = createTestQueue()
  queue.add({ userId: 'ada' })
  const dispatcher = run(queue, { app: endpoint.url })
  const failures = (): number => queue.outcomes.filter(({ outcome }) => 'retryAfter' in outcome).length
  await hurryUntil('it failed several times', queue, dispatcher, () => failures() >= 3)
  code = 204
  await hurryUntil('it is delivered', queue, dispatcher, () => delivered(queue).length === 1)
  const failed = failures()
  code = 500
  queue.add({ userId: 'ada' })
  await hurryUntil('the next one failed', queue, dispatcher, () => failures() > failed)
  const lines = dispatcher.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const [notTaken, again] = [
    "the endpoint of the app's webhooks did not take an event",
    "the app's webhooks are delivered again",
  ]
  assert.deepEqual(
    lines
      .filter(({ level }) => level !== 'debug')
      .map(({ level, appId, eventId, status, msg }) => [level, appId, eventId, status, msg]),
    [
      ['warn', 'app', '1', 401, notTaken],
      ['info', 'app', undefined, undefined, again],
      ['warn', 'app', '2', 500, notTaken],
    ],
  )
})

for (const code of [302, 400, 404, 429, 500])
  test(`an answer of ${code} is a failure, and the event is delivered again`, async () => {
    const endpoint = await startEndpoint((response) =>
      response.writeHead(code, { location: `${endpoint.url}/elsewhere` }).end(),
    )
    const queue = createTestQueue()
    queue.add({ userId: 'ada' })
    run(queue, { app: endpoint.url })
    await until('the failure is saved', () => queue.outcomes.length, 1)
    const outcome = queue.outcomes[0]?.outcome ?? assert.fail()
    assert.ok('retryAfter' in outcome)
    assert.equal(outcome.error, `The answer has the status ${code}.`)
    assert.equal(endpoint.received.length, 1)
  })

test('an answer of 410 gives the event up, and the next one is delivered', async () => {
  const endpoint = await startEndpoint((response, { id }) => status(id === '1' ? 410 : 200)(response))
  const queue = createTestQueue()
  for (const userId of ['ada', 'ada']) queue.add({ userId })
  const dispatcher = run(queue, { app: endpoint.url })
  await until('the next one is delivered', () => delivered(queue).join(), '2')
  assert.deepEqual(queue.outcomes[0], { id: '1', outcome: { failed: 'The answer has the status 410.' } })
  assert.equal(dispatcher.deliveries('app')[1]?.result, 'failed')
})

test('an event that has failed for a day is given up, and a replay delivers it', async () => {
  const endpoint = await startEndpoint(status(500))
  const queue = createTestQueue()
  queue.add({ userId: 'ada', at: Date.now() - DAY })
  const dispatcher = run(queue, { app: endpoint.url })
  await until('it is given up', () => queue.outcomes.length, 1)
  assert.ok('failed' in (queue.outcomes[0]?.outcome ?? {}))
  assert.ok(dispatcher.lines.some((line) => line.includes('given up')))
  endpoint.respond = ok
  assert.equal(await dispatcher.replay('app', 'ada', '2'), false)
  assert.equal(await dispatcher.replay('app', 'ada', '1'), true)
  await until('it is delivered', () => delivered(queue).join(), '1')
})

test('at most 20 deliveries of an app run at once', async () => {
  const waiting: ServerResponse[] = []
  const endpoint = await startEndpoint((response) => waiting.push(response))
  const queue = createTestQueue()
  for (let index = 0; index < 50; index++) queue.add({ userId: `${index}` })
  run(queue, { app: endpoint.url })
  await until('20 wait', () => waiting.length, 20)
  await until('all are delivered', () => {
    waiting.splice(0).forEach((response) => response.end())
    return delivered(queue).length === 50
  })
  assert.equal(endpoint.most, 20)
})

test('an endpoint that never answers slows no other app down', async () => {
  const slow = await startEndpoint(() => undefined)
  const fast = await startEndpoint(ok)
  const [slowQueue, fastQueue] = [createTestQueue('slow'), createTestQueue('fast')]
  const queue: TestQueue = {
    ...fastQueue,
    takeDueEvents: (appId, limit, leaseFor) =>
      (appId === 'slow' ? slowQueue : fastQueue).takeDueEvents(appId, limit, leaseFor),
  }
  for (let index = 0; index < 100; index++) {
    slowQueue.add({ userId: `${index}` })
    fastQueue.add({ userId: `${index}` })
  }
  run(queue, { slow: slow.url, fast: fast.url })
  await until('all of the fast app are delivered', () => delivered(fastQueue).length, 100)
  assert.deepEqual(delivered(slowQueue), [])
})

test('an endpoint that is down gets one delivery a second, and all of them as soon as it works again', async () => {
  const endpoint = await startEndpoint(status(500))
  const queue = createTestQueue()
  for (let index = 0; index < 300; index++) queue.add({ userId: `${index}` })
  const dispatcher = run(queue, { app: endpoint.url })
  const times = () => endpoint.received.map(({ at }) => at)
  const pauses = () => times().map((at, index) => at - (times()[index - 1] ?? 0))
  await until(
    'it was tried once a second',
    () =>
      times().length > 20 &&
      pauses()
        .slice(-3)
        .every((pause) => pause >= 900),
  )
  assert.ok(endpoint.received.length < 60, `${endpoint.received.length}`)
  assert.ok(dispatcher.lines.some((line) => line.includes('is down')))
  endpoint.respond = ok
  await until('all are delivered', () => {
    queue.hurry()
    return delivered(queue).length === 300
  })
  assert.ok(dispatcher.lines.some((line) => line.includes('delivered again')))
})

test('while an endpoint is down, events older than a day are given up without a request', async () => {
  const endpoint = await startEndpoint(status(500))
  const queue = createTestQueue()
  for (let index = 0; index < 40; index++) queue.add({ userId: `${index}` })
  const metrics = createMetrics()
  const dispatcher = run(queue, { app: endpoint.url }, metrics)
  await until('it counts as down', () => dispatcher.lines.some((line) => line.includes('is down')))
  for (let index = 0; index < 200; index++) queue.add({ userId: `old ${index}`, at: Date.now() - 2 * DAY })
  dispatcher.wake('app')
  await until(
    'all are given up',
    () => queue.outcomes.filter(({ outcome }) => 'failed' in outcome).length,
    200,
  )
  assert.ok(endpoint.received.filter(({ userId }) => userId?.startsWith('old')).length <= 20)
  assert.match(await metrics.scrape(), /webhook_deliveries_total{app="app",result="failed"} 200\n/)
})

test('a replay reaches an endpoint that works again, even if no delivery has succeeded since it was down', async (context) => {
  const now = performance.now.bind(performance)
  let later = 0
  context.mock.method(performance, 'now', () => now() + later)
  const endpoint = await startEndpoint(status(500))
  const queue = createTestQueue()
  for (let index = 0; index < 20; index++) queue.add({ userId: `${index}`, at: Date.now() - DAY })
  const dispatcher = run(queue, { app: endpoint.url })
  await until('all are given up', () => queue.outcomes.length, 20)
  assert.ok(dispatcher.lines.some((line) => line.includes('is down')))
  endpoint.respond = ok
  later = 60_000
  assert.equal(await dispatcher.replay('app', '0', '1'), true)
  await until('it has another outcome', () => queue.outcomes.length, 21)
  assert.deepEqual(delivered(queue), ['1'])
})

test('if the engine fails, the events are delivered when it works again', async () => {
  const endpoint = await startEndpoint(ok)
  const queue = createTestQueue()
  queue.add({ userId: 'ada' })
  queue.fail(1)
  const dispatcher = run(queue, { app: endpoint.url })
  await until('it is logged', () => dispatcher.lines.some((line) => line.includes("can't say")))
  await until('it is delivered', () => delivered(queue).length, 1)
})

test('closing takes no more events and waits for the running deliveries; an event whose delivery is cut off stays pending', async () => {
  for (const timeout of [10_000, 50]) {
    const waiting: ServerResponse[] = []
    const endpoint = await startEndpoint((response) => waiting.push(response))
    const queue = createTestQueue()
    for (const userId of ['ada', 'ada', 'bob']) queue.add({ userId })
    const dispatcher = run(queue, { app: endpoint.url })
    await until('two wait', () => waiting.length, 2)
    const closed = dispatcher.close(timeout)
    if (timeout > 50) waiting.forEach((response) => response.end())
    await closed
    assert.equal(endpoint.received.length, 2)
    assert.equal(queue.outcomes.length, timeout > 50 ? 2 : 0)
  }
})

test('events that were being taken when the dispatcher closed are delivered, because no other gateway takes them; no more are taken', async () => {
  const endpoint = await startEndpoint(ok)
  const queue = createTestQueue()
  queue.add({ userId: 'ada' })
  const dispatcher = run(queue, { app: endpoint.url })
  queue.add({ userId: 'bob' })
  dispatcher.wake('app')
  await dispatcher.close(10_000)
  assert.deepEqual(
    endpoint.received.map(({ userId }) => userId),
    ['ada'],
  )
})

test('a reload of the config changes the endpoint, and removes or adds one', async () => {
  const [first, second] = [await startEndpoint(ok), await startEndpoint(ok)]
  const queue = createTestQueue()
  const dispatcher = run(queue, { app: first.url })
  const send = async (count: number): Promise<void> => {
    queue.add({ userId: 'ada' })
    dispatcher.wake('app')
    await until('it is delivered', () => delivered(queue).length, count)
  }
  await send(1)
  dispatcher.reload({ app: second.url })
  await send(2)
  dispatcher.reload({})
  queue.add({ userId: 'ada' })
  dispatcher.wake('app')
  assert.equal(await dispatcher.test('app'), null)
  dispatcher.reload({ app: first.url })
  await until('it is delivered', () => delivered(queue).length, 3)
  assert.deepEqual([first.received.length, second.received.length], [2, 1])
})

test('the first delivery after a failure is a line of the log, also if a reload has changed the endpoint', async () => {
  const [broken, good] = [await startEndpoint(status(500)), await startEndpoint(ok)]
  const queue = createTestQueue()
  queue.add({ userId: 'ada' })
  const dispatcher = run(queue, { app: broken.url })
  await until('it failed', () => queue.outcomes.length, 1)
  dispatcher.reload({ app: good.url })
  await hurryUntil('it is delivered', queue, dispatcher, () => delivered(queue).length === 1)
  assert.ok(dispatcher.lines.some((line) => line.includes("the app's webhooks are delivered again")))
})

test('a test delivery says how the endpoint answered, and is not repeated', async () => {
  const endpoint = await startEndpoint(ok)
  const metrics = createMetrics()
  const dispatcher = run(createTestQueue(), { app: endpoint.url }, metrics)
  const good = await dispatcher.test('app')
  assert.deepEqual([good?.status, good?.result, good?.error], [200, 'delivered', null])
  endpoint.respond = status(500)
  const bad = await dispatcher.test('app')
  assert.deepEqual([bad?.status, bad?.result, bad?.error], [500, 'failed', 'The answer has the status 500.'])
  assert.deepEqual(dispatcher.deliveries('app'), [bad, good])
  const [{ body } = assert.fail()] = endpoint.received
  assert.deepEqual([body['type'], body['userId'], body['data']], ['test', null, {}])
  assert.equal(await dispatcher.test('other'), null)
  // An operator who tests an endpoint must not be told that webhooks were given up.
  assert.doesNotMatch(await metrics.scrape(), /webhook_deliveries_total{/)
})

test('the list of deliveries keeps the newest 200, and neither list nor log has bodies, URLs or secrets', async () => {
  const endpoint = await startEndpoint((response, { id }) => status(id === '230' ? 500 : 200)(response))
  const queue = createTestQueue()
  for (let index = 0; index < 230; index++) queue.add({ userId: 'ada', data: { text: 'private' } })
  const dispatcher = run(queue, { app: endpoint.url })
  await until('all are sent', () => queue.outcomes.length, 230)
  const list = dispatcher.deliveries('app')
  assert.equal(list.length, 200)
  assert.equal(list[0]?.id, '230')
  assert.deepEqual(dispatcher.deliveries('other'), [])
  const shown = dispatcher.lines.join() + JSON.stringify(list)
  assert.doesNotMatch(shown, /private|s3cret|127\.0\.0\.1|v1,/)
  assert.ok(!shown.includes(key.toString('base64')))
})

test('the metrics count deliveries by result and say how many events are pending and how old the oldest is', async () => {
  const endpoint = await startEndpoint((response, { userId }) =>
    status(userId === 'ada' ? 200 : 500)(response),
  )
  const queue = createTestQueue()
  queue.add({ userId: 'ada' })
  queue.add({ userId: 'bob', at: Date.now() - 60_000 })
  const metrics = createMetrics()
  const dispatcher = run(queue, { app: endpoint.url }, metrics)
  await until('both are sent', () => queue.outcomes.length, 2)
  await dispatcher.measure()
  const text = await metrics.scrape()
  assert.match(text, /webhook_deliveries_total{app="app",result="delivered"} 1\n/)
  assert.match(text, /webhook_deliveries_total{app="app",result="retry"} 1\n/)
  assert.match(text, /webhooks_pending{app="app"} 1\n/)
  const [, oldest] = /webhooks_oldest_seconds{app="app"} ([\d.]+)\n/.exec(text) ?? []
  assert.ok(Number(oldest) >= 60 && Number(oldest) < 90)
  assert.match(text, /outbound_request_seconds_count{app="app",purpose="webhook"} 2\n/)
})
