// A process ends once its client is closed. The test has a file of its own, because it counts what keeps the process alive.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'
import { count, openClient } from './kit.js'

const inUse = (kind: string): number =>
  process.getActiveResourcesInfo().filter((each) => each === kind).length

test('a client that has closed leaves no socket and no timer', async () => {
  const server = await standalone()
  const before = inUse('Timeout')
  const { client, run } = await openClient({ type: 'single', url: server.url })
  await run(count, ['n'], '1')
  await client.close()
  await until('the sockets are closed', () => inUse('TCPSocketWrap'), 0)
  assert.equal(inUse('Timeout'), before)
})
