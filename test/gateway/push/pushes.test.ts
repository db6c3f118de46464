import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPushes } from '../../../src/gateway/push/pushes.js'
import { until } from '../../support/until.js'

void test('a gateway that closes waits for the runs that it has cut off: they give back their leases', async () => {
  const done: string[] = []
  let isWriting = false
  let write: () => void = () => undefined
  const written = new Promise<void>((resolve) => (write = resolve))
  const engine = {
    sessions: () => [],
    messagesBefore: () => ({ messages: [], inbox: { epoch: 'e', offset: 1, readOffset: 0, unread: 1 } }),
    async endPushes() {
      isWriting = true
      await written
      done.push('written')
    },
  }
  const pushes = createPushes({
    engine,
    apps: () => Promise.resolve(new Map([['app', {}]])),
    metrics: { onScrape: () => undefined },
    requests: { close: () => undefined },
  } as unknown as Parameters<typeof createPushes>[0])
  pushes.onDue({ appId: 'app', userId: 'ada' })
  await until('the run', () => isWriting)
  const closed = pushes.close(0)
  const handedOver = pushes.handOver().then(() => done.push('handed over'))
  await new Promise((resolve) => setImmediate(resolve))
  write()
  await Promise.all([closed, handedOver])
  assert.deepEqual(done, ['written', 'handed over'])
})
