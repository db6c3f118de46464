import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../src/element/chat-session.js'
import { freePort } from '../support/free-port.js'
import { chatTag, gatewayScript, openPage, ownScript, servePage, shopTokenFor } from './pages-site.js'
import { until } from '../support/until.js'
import { chatOf, complaintsOf, startShopGateway, stateOf, untilState } from './site.js'

/** A browser says in the console that it could not reach an address, and nobody can keep it from doing so. */
const isOfTheNetwork = (complaint: string): boolean =>
  /ERR_CONNECTION_|WebSocket connection to/.test(complaint)

/** Milliseconds until the page's session tries to connect again; negative while it doesn't wait. */
const pauseOf = (page: Page): Promise<number> =>
  page.evaluate(
    () => (document.querySelector<ChatSessionElement>('chat-session')?.session?.retryAt ?? 0) - Date.now(),
  )

/** None of them ends in a test. */
const pausesOfMinutes = async (page: Page): Promise<void> => {
  await page.addInitScript('Math.random = () => 100')
}

test('a page that loads while the gateway is down becomes active by itself when it is there', async () => {
  const port = await freePort()
  const { url } = await servePage(
    ownScript + chatTag({ endpoint: `http://127.0.0.1:${port}`, token: await shopTokenFor('ada') }),
  )
  let complaints: string[] = []
  const page = await openPage(url, (page) => void (complaints = complaintsOf(page)))
  await until('failures that the browser told', () => complaints.length >= 3, true)
  assert.equal(await stateOf(page), 'starting')
  await startShopGateway(port)
  await untilState(page, 'active')
  assert.deepEqual(
    complaints.filter((complaint) => !isOfTheNetwork(complaint)),
    [],
  )
})

test('a page that has the script from an earlier visit needs no gateway to load, and waits for it', async () => {
  const gateway = await startShopGateway()
  const { url } = await servePage(gatewayScript(gateway.url) + chatTag({ token: await shopTokenFor('ada') }))
  const page = await openPage(url)
  await untilState(page, 'active')
  await gateway.close()
  await page.goto(url)
  await untilState(page, 'starting')
  await until('a pause after a try that failed', async () => (await pauseOf(page)) > 0, true)
  assert.equal(await stateOf(page), 'starting')
  await startShopGateway(gateway.port)
  await untilState(page, 'active')
})

test('pages that are open while the gateway restarts carry on with it, without being touched', async () => {
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

test('somebody who looks at the page again does not wait for its next try', async () => {
  // This browser can't hide a page: the event of one that is shown again is sent by hand, and pauses are made longer than they ever are.
  const port = await freePort()
  const { url } = await servePage(
    ownScript + chatTag({ endpoint: `http://127.0.0.1:${port}`, token: await shopTokenFor('ada') }),
  )
  const page = await openPage(url, pausesOfMinutes)
  await until('a pause of more than a minute', async () => (await pauseOf(page)) > 60_000, true)
  await startShopGateway(port)
  const planned = Date.now() + (await pauseOf(page))
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
  await untilState(page, 'active')
  assert.ok(Date.now() < planned, 'it was active before its own next try')
})

test('a page notices by the silence that its network is gone, and reconnects when it is back', async () => {
  const gateway = await startShopGateway(0, 1)
  const { url } = await servePage(gatewayScript(gateway.url) + chatTag({ token: await shopTokenFor('ada') }))
  const page = await openPage(url)
  await untilState(page, 'active')
  // Offline, this browser hears nothing on sockets that are open, not even that they were closed.
  await page.context().setOffline(true)
  await untilState(page, 'reconnecting')
  await page.context().setOffline(false)
  await untilState(page, 'active')
  await until('open connections', gateway.open, 1)
})
