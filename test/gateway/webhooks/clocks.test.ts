// The machine's clock is set back while a delivery fails. `Date.now` jumps for everything in this process.
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { createLog } from '../../../src/gateway/index.js'
import { startAs } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { startGateway } from '../../support/gateway.js'
import { key, secretOf, startEndpoint } from '../../support/network/webhook-endpoint.js'

const HOUR = 3_600_000

const now = Date.now.bind(Date)
let skew = 0
mock.method(Date, 'now', () => now() + skew)

test('a clock that is set back an hour while a delivery fails does not delay the next one', async () => {
  const endpoint = await startEndpoint((response) => response.writeHead(500).end())
  // The line is written between the answer and the engine's write.
  const write = (line: string): void => {
    if (line.includes('webhook sent')) skew = -HOUR
  }
  const webhooks = { url: endpoint.url, secrets: [secretOf(key)], events: ['session.started' as const] }
  const log = createLog({ level: 'debug', destination: { write } })
  const { url } = await startGateway({ webhooks }, {}, { log })
  await startAs(url, 'ada')
  await until('the first delivery', () => endpoint.received.length, 1)
  endpoint.respond = (response) => response.end()
  await until('the second delivery', () => endpoint.received.length, 2)
  assert.equal(skew, -HOUR)
})
