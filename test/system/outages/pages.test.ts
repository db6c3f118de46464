import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import { freePort } from '../../support/network/free-port.js'
import {
  chatTag,
  gatewayScript,
  openPage,
  ownScript,
  servePage,
  shopTokenFor,
} from '../../support/sites/static-page.js'
import { until } from '../../support/until.js'
import { startShopGateway } from '../../support/sites/shop-gateway.js'
import { chatOf, complaintsOf, stateOf, untilState } from '../../support/sites/page-state.js'

/** Whether an error is the browser's own about a failed connection. A page can't prevent it. */
const isOfTheNetwork = (complaint: string): boolean =>
  /ERR_CONNECTION_|WebSocket connection to/.test(complaint)

/** Returns the milliseconds until the session's next attempt; negative if none is scheduled. */
const retryDelayOf = (page: Page): Promise<number> =>
  page.evaluate(
    () => (document.querySelector<ChatSessionElement>('chat-session')?.session?.retryAt ?? 0) - Date.now(),
  )

/** Makes the backoff longer than a test. */
const lengthenBackoff = async (page: Page): Promise<void> => {
  await page.addInitScript('Math.random = () => 100')
}

test('a page that loads while the gateway is down becomes active by itself when the gateway is up', async () => {
  const port = await freePort()
  const { url } = await servePage(
    ownScript + chatTag({ endpoint: `http://127.0.0.1:${port}`, token: await shopTokenFor('ada') }),
  )
  let complaints: string[] = []
  const page = await openPage(url, (page) => void (complaints = complaintsOf(page)))
  await until('errors in the console', () => complaints.length >= 3, true)
  assert.equal(await stateOf(page), 'starting')
  await startShopGateway(port)
  await untilState(page, 'active')
  // The element says once why it does not start, and not with each attempt.
  assert.deepEqual(
    complaints.filter((complaint) => !isOfTheNetwork(complaint)),
    ['<chat-session> unavailable: the gateway is down'],
  )
})

test('a page with a cached script loads without the gateway, and reconnects when the gateway is up', async () => {
  const gateway = await startShopGateway()
  const { url } = await servePage(gatewayScript(gateway.url) + chatTag({ token: await shopTokenFor('ada') }))
  const page = await openPage(url)
  await untilState(page, 'active')
  await gateway.close()
  await page.goto(url)
  await untilState(page, 'starting')
  await until('a backoff after a failed attempt', async () => (await retryDelayOf(page)) > 0, true)
  assert.equal(await stateOf(page), 'starting')
  await startShopGateway(gateway.port)
  await untilState(page, 'active')
})

test('open pages reconnect by themselves after a restart of the gateway', async () => {
  const gateway = await startShopGateway()
  const { url } = await servePage(gatewayScript(gateway.url) + chatTag({ token: await shopTokenFor('ada') }))
  const page = await openPage(url)
  const other = await page.context().newPage()
  await other.goto(url)
  for (const each of [page, other]) await untilState(each, 'active')
  await gateway.close()
  for (const each of [page, other]) {
    await untilState(each, 'reconnecting')
    assert.equal((await chatOf(each)).error, 'unavailable')
  }
  const again = await startShopGateway(gateway.port)
  for (const each of [page, other]) await untilState(each, 'active')
  await until('open connections', again.open, 2)
})

test('a page that becomes visible reconnects without waiting for the backoff', async () => {
  // This browser can't hide a page, so the test dispatches the event. The backoff is made longer than a real one.
  const port = await freePort()
  const { url } = await servePage(
    ownScript + chatTag({ endpoint: `http://127.0.0.1:${port}`, token: await shopTokenFor('ada') }),
  )
  const page = await openPage(url, lengthenBackoff)
  await until('a backoff of more than a minute', async () => (await retryDelayOf(page)) > 60_000, true)
  await startShopGateway(port)
  const planned = Date.now() + (await retryDelayOf(page))
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
  await untilState(page, 'active')
  assert.ok(Date.now() < planned, 'it was active before the scheduled attempt')
})

test('a page notices a lost network by the heartbeat, and reconnects when the network is back', async () => {
  const gateway = await startShopGateway(0, 1)
  const { url } = await servePage(gatewayScript(gateway.url) + chatTag({ token: await shopTokenFor('ada') }))
  const page = await openPage(url)
  await untilState(page, 'active')
  // In this browser's offline mode open sockets receive nothing, and no close either.
  await page.context().setOffline(true)
  await untilState(page, 'reconnecting')
  await page.context().setOffline(false)
  await untilState(page, 'active')
  await until('open connections', gateway.open, 1)
})
