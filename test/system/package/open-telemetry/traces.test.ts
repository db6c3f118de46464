// The gateway beside an SDK of OpenTelemetry: as an installed package, and here for pushes, since the package pushes to the internet alone.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { trace as globalTrace, type TracerProvider } from '@opentelemetry/api'
import { restOf } from '../../../support/rest/rest-calls.js'
import { until } from '../../../support/until.js'
import { startPushGateway } from '../../../gateway/push/setup.js'
import { pack } from '../packed.js'

const run = promisify(execFile)

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

/** A gateway with an SDK that keeps its spans. Prints them, and the header of each webhook. */
const program = `
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { trace } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { createGateway } from 'chat-session/gateway'
import { createAppToken, createToken } from 'chat-session/tokens'
import { WebSocket } from 'ws'

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
if (process.argv[2] === 'sdk') trace.setGlobalTracerProvider(provider)

const headers = []
let delivered
const backend = createServer((request, response) => {
  headers.push(request.headers.traceparent)
  request.resume().on('end', () => response.end(() => delivered()))
})
await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve))
const nextDelivery = () => new Promise((resolve) => (delivered = resolve))

const secret = randomBytes(32).toString('base64url')
const gateway = createGateway({
  listen: { port: 0 },
  engine: { type: 'memory' },
  apps: {
    app: {
      environment: 'test',
      secrets: [secret],
      webhooks: {
        url: 'http://127.0.0.1:' + backend.address().port,
        secrets: ['whsec_' + randomBytes(32).toString('base64')],
        events: ['message.created'],
      },
    },
  },
})
const url = await gateway.listen()
const traceparent = '00-${TRACE}-${SPAN}-01'

let done = nextDelivery()
await fetch(url + '/v1/apps/app/users/ann/messages', {
  method: 'POST',
  headers: {
    authorization: 'Bearer ' + (await createAppToken({ appId: 'app', secret })),
    'content-type': 'application/json',
    traceparent,
  },
  body: JSON.stringify({ id: 'rest', body: 'Hello' }),
})
await done

if (process.argv[2] === 'later') trace.setGlobalTracerProvider(provider)
done = nextDelivery()
const socket = new WebSocket(url.replace('http', 'ws') + '/v1/session', 'chat-session.v1')
await new Promise((resolve) => socket.once('open', resolve))
socket.send(JSON.stringify({ type: 'start', appId: 'app', token: await createToken({ appId: 'app', userId: 'bob', secret }) }))
socket.send(JSON.stringify({ type: 'send', id: 'frame', to: 'ann', body: 'Hello' }))
await done
socket.terminate()
await gateway.close()
backend.close()

const timeOf = ({ startTime: [seconds, nanoseconds] }) => seconds * 1e9 + nanoseconds
const spans = exporter
  .getFinishedSpans()
  .sort((one, other) => timeOf(one) - timeOf(other))
  .map((span) => ({
    ...{ name: span.name, kind: span.kind, attributes: span.attributes, status: span.status.code },
    ...{ parent: span.parentSpanContext?.spanId, ...span.spanContext() },
  }))
console.log(JSON.stringify({ headers, spans }))
`

interface Span {
  name: string
  kind: number
  attributes: Record<string, unknown>
  status: number
  parent?: string
  traceId: string
  spanId: string
}

let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-session-traces-'))
  await writeFile(join(folder, 'package.json'), '{ "name": "traced", "type": "module", "private": true }')
  await writeFile(join(folder, 'program.mjs'), program)
  const packages = ['@opentelemetry/api@1', '@opentelemetry/sdk-trace-base@2', await pack(folder)]
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], { cwd: folder })
})
after(() => rm(folder, { recursive: true, force: true }))

const trace = async (...args: string[]): Promise<{ headers: (string | null)[]; spans: Span[] }> => {
  const { stdout } = await run(process.execPath, ['program.mjs', ...args], { cwd: folder })
  return JSON.parse(stdout) as Awaited<ReturnType<typeof trace>>
}

test('a REST call, a message and a delivery are spans of one trace each, and a connection is none', async () => {
  const { headers, spans } = await trace('sdk')
  assert.deepEqual(
    spans.map(({ name, kind, status }) => [name, kind, status]),
    [
      ['POST /v1/apps/{app}/users/{user}/messages', 1, 0],
      ['webhook', 2, 0],
      ['send', 1, 0],
      ['webhook', 2, 0],
    ],
  )
  const [call, delivery, send, secondDelivery] = spans as [Span, Span, Span, Span]
  assert.deepEqual([call.traceId, call.parent], [TRACE, SPAN])
  assert.deepEqual([delivery.traceId, delivery.parent], [TRACE, call.spanId])
  assert.deepEqual([secondDelivery.traceId, secondDelivery.parent], [send.traceId, send.spanId])
  assert.ok(send.parent === undefined && send.traceId !== TRACE)
  assert.deepEqual(
    headers,
    [delivery, secondDelivery].map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`),
  )
  assert.equal(call.attributes['http.response.status_code'], 201)
  assert.equal(send.attributes['chat_session.outcome'], 'stored')
  assert.equal(delivery.attributes['chat_session.event_type'], 'message.created')
  for (const { attributes } of spans) {
    assert.equal(attributes['chat_session.app_id'], 'app')
    assert.doesNotMatch(JSON.stringify(attributes), /ann|bob|Hello/)
  }
})

test('without an SDK the traceparent of a call goes on as it came, and a message begins no trace', async () => {
  const { headers, spans } = await trace()
  assert.deepEqual(spans, [])
  assert.deepEqual(headers, [`00-${TRACE}-${SPAN}-01`, null])
})

test('an SDK that is registered while the gateway runs gets the spans from then on', async () => {
  const { spans } = await trace('later')
  assert.deepEqual(
    spans.map(({ name }) => name),
    ['send', 'webhook'],
  )
})

interface Sdk {
  BasicTracerProvider: new (options: object) => TracerProvider
  InMemorySpanExporter: new () => {
    getFinishedSpans(): (Pick<Span, 'name' | 'kind' | 'attributes'> & {
      status: { code: number; message?: string }
      parentSpanContext?: { spanId: string }
      spanContext(): { traceId: string; spanId: string }
    })[]
  }
  SimpleSpanProcessor: new (exporter: object) => object
}

test('a push is a span of the trace of its message, and the push service gets no trace', async () => {
  const sdk = createRequire(join(folder, 'package.json'))('@opentelemetry/sdk-trace-base') as Sdk
  const exporter = new sdk.InMemorySpanExporter()
  const provider = new sdk.BasicTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(exporter)] })
  globalTrace.setGlobalTracerProvider(provider)
  after(() => globalTrace.disable())
  const { service, subscribe, url } = await startPushGateway()
  const statuses = [503, 201]
  service.respond = (response) => response.writeHead(statuses.shift() ?? 201, { 'retry-after': '1' }).end()
  await subscribe('bob', service.subscribe('phone'))
  const traceparent = `00-${TRACE}-${SPAN}-01`
  const { status } = await restOf(url)('POST', '/users/bob/messages', { body: 'Hello' }, { traceparent })
  assert.equal(status, 201)
  const pushes = () => exporter.getFinishedSpans().filter(({ name }) => name === 'push')
  await until('there are two spans', () => pushes().length, 2)
  const [call] = exporter.getFinishedSpans().filter(({ name }) => name.startsWith('POST'))
  for (const span of pushes()) {
    assert.equal(span.kind, 2)
    assert.equal(span.spanContext().traceId, TRACE)
    assert.equal(span.parentSpanContext?.spanId, call?.spanContext().spanId)
    assert.equal(span.attributes['chat_session.app_id'], 'app')
    assert.doesNotMatch(JSON.stringify(span.attributes), /bob|Hello|push\.test/)
  }
  assert.deepEqual(
    pushes().map(({ attributes, status }) => [
      attributes['chat_session.outcome'],
      status.code,
      status.message,
    ]),
    [
      ['failed', 2, 'status 503'],
      ['delivered', 0, undefined],
    ],
  )
  assert.ok(
    service.received.length === 2 && service.received.every(({ headers }) => !('traceparent' in headers)),
  )
})
