import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openClient, startClient, startAs } from '../../../support/raw-client.js'
import { until } from '../../../support/until.js'
import { startGateway } from '../../../support/gateway.js'
import { guestStart } from '../../../support/starts.js'

test('a guest beyond `limits.guests` ends as unavailable, until another guest has left without messages', async () => {
  const { url } = await startGateway({ limits: { guests: 2 } })
  const first = await startClient(url, guestStart)
  await startClient(url, guestStart)
  const refused = openClient(url, { start: guestStart })
  const { code, frame } = await refused.end()
  assert.deepEqual([code, frame['code'], frame['retryable']], [4503, 'unavailable', true])
  // The limit does not count users.
  await startAs(url, 'ada')
  first.send({ type: 'end' })
  await first.closed
  await until('a guest may start', async () => {
    const next = openClient(url, { start: guestStart })
    const { type } = await next.next()
    next.close()
    return type === 'started'
  })
})
