// The pushes of a gateway that is killed stay pending.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { usersOf } from '../../gateway/push/setup.js'
import { startPushService } from '../../support/push/push-service.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'
import { forkModule } from './fork-module.js'
import type { PushGatewayOrder } from './push-gateway.js'

/** Starts gateways one after the other on one folder. */
const startProcesses = async (after: number, pingInterval = 1) => {
  const service = await startPushService()
  const folder = scratchFolder()
  return {
    service,
    async start() {
      const child = forkModule(new URL('push-gateway.ts', import.meta.url))
      child.send({ folder, service: service.address, after, pingInterval } satisfies PushGatewayOrder)
      const [url] = (await once(child, 'message')) as [string]
      return {
        ...usersOf(url),
        async kill() {
          child.kill('SIGKILL')
          await once(child, 'exit')
        },
      }
    },
  }
}

test('a push that was pending when a gateway was killed is sent by the next one, with the same key', async () => {
  const { service, start } = await startProcesses(2)
  const first = await start()
  await first.subscribe('ada', service.subscribe('phone'))
  await first.send('bob', 'ada', 'before')
  await until('it came', () => service.received.length, 1)
  await first.send('carl', 'ada', 'pending')
  await first.kill()
  assert.equal(service.received.length, 1)
  await start()
  await until('the other came', () => service.bodies('phone').at(-1), 'pending')
  assert.equal(new Set(service.received.map(({ vapidKey }) => vapidKey)).size, 1)
})

test('what a page was sent whose gateway was killed is pushed if the page does not come back', async () => {
  const { service, start } = await startProcesses(2)
  const first = await start()
  await first.subscribe('ada', service.subscribe('phone'))
  const page = await first.connect('ada')
  await first.send('bob', 'ada', 'Hello')
  await page.next('message')
  await first.kill()
  await start()
  await until('it came', () => service.bodies('phone').at(-1), 'Hello')
})

test('what a page shows is not pushed if the page comes back after its gateway was killed', async () => {
  const { service, start } = await startProcesses(1, 3)
  const first = await start()
  await first.subscribe('ada', service.subscribe('phone'))
  await first.subscribe('eve', service.subscribe('tablet'))
  const page = await first.connect('ada')
  await first.send('bob', 'ada', 'shown')
  await page.next('message')
  await first.send('bob', 'eve', 'due as well')
  await first.kill()
  const second = await start()
  await until('what was due came', () => service.bodies('tablet').length, 1)
  const { resumeKey, epoch } = page.started
  const back = await second.connect('ada', { resume: { key: resumeKey, epoch, offset: 1 } })
  assert.equal(back.started['resumed'], true)
  back.send({ type: 'visibility', hidden: true })
  await second.send('carl', 'ada', 'new')
  await until('the new one came', () => service.bodies('phone').length, 1)
  assert.deepEqual(service.bodies('phone'), ['new'])
})
