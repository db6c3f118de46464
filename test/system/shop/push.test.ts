import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { APP } from '../../support/sites/shop-gateway.js'
import { pushManager } from '../../support/sites/push-manager.js'
import { customerIn, startShop, type ShopSite } from '../../support/sites/shop.js'
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
