// The installed package beside the SDK of docs/METRICS.md, which sends metrics and spans by OTLP to a server of this test.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { isDeepStrictEqual, promisify } from 'node:util'
import { metricsTable } from '../../../../src/gateway/metrics/table.js'
import { run } from '../../../support/processes/command-line.js'
import { startServer } from '../../../support/network/http-server.js'
import { startClient } from '../../../support/raw-client.js'
import { startOf } from '../../../support/starts.js'
import { appId, secret } from '../../../support/tokens.js'
import { until } from '../../../support/until.js'
import { pack, root } from '../packed.js'

const readToken = 'the read token of a test, 32 bytes long'
const adminToken = 'the admin token of a test, 32 bytes long'

/** Gateways of one process, before and after there is an SDK. Prints what the SDK reads, and the warnings. */
const program = `
import { metrics } from '@opentelemetry/api'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { createGateway, createLog } from 'chat-session/gateway'

const reader = new PeriodicExportingMetricReader({ exporter: new InMemoryMetricExporter(AggregationTemporality.DELTA) })
const provider = new MeterProvider({ readers: [reader] })
const warnings = []
const destination = { write: (line) => void warnings.push(JSON.parse(line).msg) }

const start = async () => {
  const config = { listen: { port: 0 }, engine: { type: 'memory' }, apps: { app: { environment: 'test' } } }
  const gateway = createGateway(config, { log: createLog({ level: 'warn', destination }) })
  await gateway.ready()
  return gateway
}
const ready = async () => {
  const { resourceMetrics, errors } = await reader.collect()
  if (errors.length > 0) throw errors[0]
  const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
  return all.find(({ descriptor }) => descriptor.name === 'chat_session_ready')?.dataPoints.map(({ value }) => value) ?? []
}

const early = await start()
metrics.setGlobalMeterProvider(provider)
const seen = [await ready()]
const first = await start()
seen.push(await ready())
const second = await start()
seen.push(await ready())
await first.close()
seen.push(await ready())
const third = await start()
seen.push(await ready())
await Promise.all([early.close(), second.close(), third.close()])
console.log(JSON.stringify({ seen, warnings }))
process.exit()
`

let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-session-otlp-'))
  const metricsPage = await readFile(join(root, 'docs/METRICS.md'), 'utf8')
  const [, file] = /^```js\n(\/\/ otel\.mjs.*?)^```/ms.exec(metricsPage) ?? []
  await writeFile(join(folder, 'otel.mjs'), String(file))
  await writeFile(join(folder, 'program.mjs'), program)
  await writeFile(join(folder, 'package.json'), '{ "name": "observed", "type": "module", "private": true }')
  await writeFile(
    join(folder, 'chat.json'),
    JSON.stringify({
      listen: { port: 0 },
      admin: { port: 0, token: adminToken, readToken },
      engine: { type: 'memory' },
      apps: { [appId]: { environment: 'test', secrets: [secret] } },
    }),
  )
  const packages = [
    ...['@opentelemetry/api@1', '@opentelemetry/sdk-metrics@3', '@opentelemetry/sdk-node@0.301'],
    await pack(folder),
  ]
  await promisify(execFile)('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], {
    cwd: folder,
  })
})
after(() => rm(folder, { recursive: true, force: true }))

interface Attribute {
  key: string
  value: { stringValue?: string; intValue?: number }
}
interface Point {
  attributes: Attribute[]
  asDouble?: number
  asInt?: number
  /** Of a histogram. */
  count?: number
  sum?: number
  bucketCounts?: number[]
  explicitBounds?: number[]
}
interface Metric {
  name: string
  unit: string
  description: string
  sum?: { dataPoints: Point[]; isMonotonic: boolean; aggregationTemporality: number }
  gauge?: { dataPoints: Point[] }
  histogram?: { dataPoints: Point[] }
}
interface Exported {
  resourceMetrics?: { scopeMetrics: { scope: { name: string }; metrics: Metric[] }[] }[]
  resourceSpans?: { scopeSpans: { scope: { name: string }; spans: { name: string }[] }[] }[]
}

/** A server that takes OTLP as JSON. */
const startCollector = async () => {
  const collector = { posts: 0, metrics: new Map<string, Metric>(), spans: [] as string[] }
  const { url } = await startServer((request, response) => {
    void text(request).then((body) => {
      collector.posts += 1
      const { resourceMetrics = [], resourceSpans = [] } = JSON.parse(body) as Exported
      const ours = resourceMetrics
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .filter(({ scope }) => scope.name === 'chat-session')
      if (ours.length > 0)
        collector.metrics = new Map(ours.flatMap(({ metrics }) => metrics).map((each) => [each.name, each]))
      for (const { scopeSpans } of resourceSpans)
        for (const { spans } of scopeSpans) collector.spans.push(...spans.map(({ name }) => name))
      response.setHeader('content-type', 'application/json').end('{}')
    })
  })
  return Object.assign(collector, { url })
}

/** Returns the series of a metric as Prometheus names them, with their values. */
const seriesOf = ({ name, sum, gauge, histogram }: Metric): [series: string, value: number][] => {
  const point = ({ attributes, asDouble, asInt, count, sum: total }: Point): [string, number][] => {
    const labels = attributes.map(({ key, value }) => `${key}="${value.stringValue ?? value.intValue}"`)
    const suffix = labels.length > 0 ? `{${labels.join(',')}}` : ''
    if (count === undefined) return [[name + suffix, asDouble ?? asInt ?? NaN]]
    return [
      [`${name}_count${suffix}`, count],
      [`${name}_sum${suffix}`, total ?? NaN],
    ]
  }
  return (sum ?? gauge ?? histogram)?.dataPoints.flatMap(point) ?? []
}

/** Starts the gateway as a user does, lets a session send a message, and returns the gateway. */
const serve = async (collector: string, ...flags: string[]) => {
  const [first, ...rest] = [...flags, 'node_modules/.bin/chat-session', 'serve', '--config', 'chat.json']
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    OTEL_METRIC_EXPORT_TIMEOUT: '1000',
  }
  const gateway = run(rest, env, folder, process.execPath, first)
  const [, admin = ''] = await gateway.printed(/^admin listening on (\S+)$/m)
  const url = await gateway.url()
  const ada = await startClient(url, await startOf('ada', { client: 'chat-session/9.9.9' }))
  const bob = await startClient(url, await startOf('bob'))
  ada.send({ type: 'send', id: '1', to: 'bob', body: 'Hello' })
  await ada.next('sent')
  await bob.next('message')
  const scrape = async (): Promise<Map<string, number>> => {
    const answer = await fetch(`${admin}/metrics`, { headers: { authorization: `Bearer ${readToken}` } })
    return new Map(
      [...(await answer.text()).matchAll(/^(chat_session_\S+?(?:\{.*\})?) (\S+)$/gm)].map(
        ([, series = '', value]) => [series, Number(value)],
      ),
    )
  }
  return { gateway, scrape, ada }
}

test('an SDK gets every metric of the table with the values of /metrics, and what was counted last when the gateway closes', async () => {
  const collector = await startCollector()
  const { gateway, scrape, ada } = await serve(collector.url, '--import', './otel.mjs')
  const value = (series: string): number | undefined =>
    new Map([...collector.metrics.values()].flatMap(seriesOf)).get(series)
  const stored = 'chat_session_messages_total{app="app",from="client",outcome="stored"}'
  await until('the message is exported', () => value(stored), 1)

  const scraped = await scrape()
  // An SDK leaves out a histogram without values.
  const isEmpty = (series: string): boolean =>
    /_seconds_(count|sum)$/.test(series) && scraped.get(series.replace(/sum$/, 'count')) === 0
  const expected = [...scraped]
    .filter(([series]) => !series.includes('_bucket') && !isEmpty(series))
    .toSorted()
  const exported = (): unknown => [...collector.metrics.values()].flatMap(seriesOf).toSorted()
  await until('an export has what was scraped', () => isDeepStrictEqual(exported(), expected)).catch(() =>
    assert.deepEqual(exported(), expected),
  )
  for (const { name, kind, help, buckets } of Object.values(metricsTable)) {
    const metric = collector.metrics.get(name)
    // A metric with labels has no value until something is counted.
    if (!metric) continue
    const unit = name.endsWith('_seconds') ? 's' : name.endsWith('_bytes') ? 'By' : ''
    assert.deepEqual([metric.unit, metric.description], [unit, help], name)
    assert.ok(metric[kind === 'counter' ? 'sum' : kind], name)
    if (kind === 'counter')
      assert.deepEqual([metric.sum?.isMonotonic, metric.sum?.aggregationTemporality], [true, 2])
    for (const { explicitBounds } of metric.histogram?.dataPoints ?? [])
      assert.deepEqual(explicitBounds, buckets, name)
  }

  ada.send({ type: 'end' })
  await until('the version is gone', () => value('chat_session_clients{version="chat-session/9.9.9"}'), 0)

  gateway.child.kill('SIGTERM')
  assert.equal((await gateway.outcome).code, 0)
  assert.equal(value('chat_session_ends_total{app="app",code="unavailable"}'), 1)
  assert.ok(collector.spans.includes('send'))
})

test('without an SDK nothing is exported, and /metrics has the same', async () => {
  const collector = await startCollector()
  const { gateway, scrape } = await serve(collector.url)
  assert.equal(
    (await scrape()).get('chat_session_messages_total{app="app",from="client",outcome="stored"}'),
    1,
  )
  gateway.child.kill('SIGTERM')
  assert.equal((await gateway.outcome).code, 0)
  assert.equal(collector.posts, 0)
})

test('one gateway of a process has its metrics there from its creation until it closes, if the SDK came first', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['program.mjs'], { cwd: folder })
  const { seen, warnings } = JSON.parse(stdout) as { seen: number[][]; warnings: string[] }
  assert.deepEqual(seen, [[], [1], [1], [], [1]])
  assert.deepEqual(warnings, [
    'another gateway of this process exports its metrics by OpenTelemetry: this one does not',
  ])
})
