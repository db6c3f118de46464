import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { APP } from '../../support/sites/shop-gateway.js'
import { pushManager } from '../../support/sites/push-manager.js'
import { complaintsOf, untilState } from '../../support/sites/page-state.js'
import { customerIn, logIn, startShop, type ShopSite } from '../../support/sites/shop.js'
import { until } from '../../support/until.js'

/** Nobody can allow notifications in a headless shell, which denies them. */
const permission = `
  Object.defineProperty(Notification, 'permission', { get: () => 'granted' })
  Notification.requestPermission = async () => 'granted'`

const subscription = (page: Page): Promise<string | null> =>
  page.evaluate(() => localStorage.getItem('subscription'))

/** Waits until the gateway pushes to this many of Alice's devices. */
const untilDevices = ({ gateway: { gateway } }: ShopSite, count: number): Promise<void> =>
  until(
    'devices',
    async () => (await gateway.client(APP).listPushSubscriptions({ user: 'alice' })).subscriptions.length,
    count,
  )

test('the switch of notifications subscribes the device on every page, until it is off or the customer logs out', async () => {
  const site = await startShop()
  const { context, page } = await customerIn(site)
  await context.addInitScript(`${permission}\n${pushManager}`)
  await page.goto(`${site.url}/account`)
  const toggle = page.getByRole('switch')
  assert.equal(await subscription(page), null)
  await toggle.click()
  await untilDevices(site, 1)
  const first = await subscription(page)
  await page.goto(`${site.url}/about`)
  assert.equal(await subscription(page), first)
  await page.goto(`${site.url}/account`)
  await toggle.and(page.locator(':checked')).click()
  await untilDevices(site, 0)
  await until('the browser has none', () => subscription(page), null)
  await toggle.click()
  await untilDevices(site, 1)
  await page.getByRole('button', { name: 'Log out and stay here' }).click()
  await untilDevices(site, 0)
  await until('the browser has none', () => subscription(page), null)
})

test('the switch of one customer is not on for the next customer of the browser', async () => {
  const site = await startShop()
  const { context, page } = await customerIn(site)
  await context.addInitScript(`${permission}\n${pushManager}`)
  await page.goto(`${site.url}/account`)
  await page.getByRole('switch').click()
  await untilDevices(site, 1)
  await page.getByRole('button', { name: 'Log out', exact: true }).click()
  await logIn(page, site, 'Bilal Khan')
  await page.goto(`${site.url}/account`)
  await untilState(page, 'active')
  assert.equal(await page.getByRole('switch').isChecked(), false)
  await logIn(page, site)
  await page.goto(`${site.url}/account`)
  await page.getByRole('switch', { checked: true }).waitFor()
})

test('the switch says when the service worker could not be registered, as while the gateway is down', async () => {
  const site = await startShop()
  const { context, page } = await customerIn(site)
  const complaints = complaintsOf(page)
  await context.addInitScript(permission)
  await context.addInitScript(() => {
    ServiceWorkerContainer.prototype.register = () => Promise.reject(new TypeError('Its script failed.'))
  })
  await page.goto(`${site.url}/account`)
  await page.getByRole('switch').click()
  await page.getByText('That did not work. Please try again.').waitFor()
  assert.equal(await page.getByRole('switch').isChecked(), false)
  await page.evaluate(() => {
    for (const key of ['notify', 'notify alice']) localStorage.setItem(key, 'yes')
  })
  await page.goto(`${site.url}/about`)
  await untilState(page, 'active')
  assert.deepEqual(complaints, [])
})
