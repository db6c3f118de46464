import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { createMetrics } from '../../../src/gateway/metrics/metrics.js'
import { sendRequest } from '../../../src/gateway/outbound/outbound-request.js'
import { createRequestMeter } from '../../../src/gateway/outbound/request-meter.js'
import { startServer } from '../../support/network/http-server.js'
import { until } from '../../support/until.js'

test('requests are counted by app and purpose: while they run, their seconds, and their errors', async () => {
  const metrics = createMetrics()
  const meter = createRequestMeter(metrics, 'app', 'webhook')
  const waiting: ServerResponse[] = []
  const { url, close } = await startServer((_, response) => waiting.push(response))
  const labels = '{app="app",purpose="webhook"}'
  const send = (timeout = 5_000) => sendRequest(url, { timeout, maxBytes: 10, meter })
  const respond = async (status: number): Promise<void> => {
    const sent = send()
    await until('it came', () => waiting.length, 1)
    waiting.pop()?.writeHead(status).end()
    await sent
  }

  const running = send()
  await until('it came', () => waiting.length, 1)
  assert.match(await metrics.scrape(), new RegExp(`requests_in_flight${labels} 1\n`))
  waiting.pop()?.end()
  await running
  for (const status of [204, 404, 429, 503]) await respond(status)
  await assert.rejects(send(50))
  await close()
  await assert.rejects(send())

  const text = await metrics.scrape()
  assert.match(text, new RegExp(`requests_in_flight${labels} 0\n`))
  assert.match(text, new RegExp(`request_seconds_count${labels} 7\n`))
  for (const [error, count] of [
    ['status', 2],
    ['timeout', 1],
    ['unreachable', 1],
  ] as const)
    assert.match(
      text,
      new RegExp(`request_errors_total{app="app",purpose="webhook",error="${error}"} ${count}\n`),
    )
})
