import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway, testApp } from '../../support/gateway.js'
import { pushOf } from '../../support/push/push-network.js'
import { startPushService } from '../../support/push/push-service.js'
import { settled } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { leave, usersOf } from './setup.js'

for (const isHidden of [false, true])
  test(`if a reload gives the app its push, a page that started before counts as ${isHidden ? 'hidden' : 'visible'}`, async () => {
    const service = await startPushService()
    const { gateway, url } = await startGateway({}, {}, { pushNetwork: service.network })
    const { connect, subscribe, send } = usersOf(url)
    const page = await connect('ada', isHidden ? { hidden: true } : {})
    const apps = { app: testApp({ push: pushOf() }) }
    await gateway.reload({ listen: { port: 0 }, engine: { type: 'memory' }, apps })
    await subscribe('ada', service.subscribe('phone'))
    await send('bob', 'ada', 'First')
    await page.next('message')
    await settled(page)
    await leave(page)
    await send('carl', 'ada', 'Second')
    const expected = isHidden ? ['First', 'Second'] : ['Second']
    const pushed = () => service.bodies('phone').toSorted()
    await until('the pushes', () => pushed().includes('Second') && pushed().length >= expected.length)
    assert.deepEqual(pushed(), expected)
  })
