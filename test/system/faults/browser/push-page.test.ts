// A page whose device is subscribed.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { pushManager } from '../../../support/sites/push-manager.js'
import { untilReceived } from '../../../support/sites/rendered-site.js'
import { until } from '../../../support/until.js'
import {
  announcedIn,
  hideAll,
  openTab,
  register,
  setElement,
  startPlaceWithWorker,
  untilAnnounced,
  type Place,
} from './notifications-site.js'

const devicesOf = async (place: Place, user: string) =>
  (await place.gateway.gateway.client('app').listPushSubscriptions({ user })).subscriptions

/** Opens a page of a site with a worker, on which Ada has allowed notifications. */
const openSite = async (script = pushManager): Promise<{ place: Place; tab: Page }> => {
  const place = await startPlaceWithWorker(script, {
    attributes: { notifications: '', push: '' },
    // No push is sent while a test runs.
    app: { push: { subject: 'mailto:ops@example.com', url: 'https://www.example.com/', after: 86_400 } },
  })
  const tab = await openTab(place)
  await register(tab)
  return { place, tab }
}

const subscribe = async (place: Place, tab: Page): Promise<void> => {
  await tab.evaluate(() => document.querySelector('chat-session')?.requestNotifications())
  await until('devices', async () => (await devicesOf(place, 'ada')).length, 1)
}

test('a page of a subscribed device leaves notifications to the push, after a reload too, until the attribute goes', async () => {
  const { place, tab } = await openSite()
  await subscribe(place, tab)
  const [device] = await devicesOf(place, 'ada')
  assert.ok(device)
  assert.equal(device.host, 'updates.push.services.mozilla.com')
  await tab.reload()
  await until('it is renewed', async () => {
    const [renewed] = await devicesOf(place, 'ada')
    return renewed?.id === device.id && renewed.renewedAt > device.renewedAt
  })
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'by push' })
  await untilReceived(tab, 'message by push')
  await setElement(tab, { push: false })
  await until('devices', async () => (await devicesOf(place, 'ada')).length, 0)
  await place.bob.send({ to: 'ada', body: 'by the page' })
  await untilAnnounced(tab, 'by the page')
  assert.deepEqual(await announcedIn(tab), [{ type: 'session-notification', bodies: ['by the page'] }])
  assert.equal(await tab.evaluate(() => localStorage.getItem('subscription')), null)
})

test('a log-out and a revocation end the subscription, at the gateway and in the browser', async () => {
  const { place, tab } = await openSite()
  const untilGone = async (): Promise<void> => {
    await until('the browser has none', () => tab.evaluate(() => localStorage.getItem('subscription')), null)
    await until('devices', async () => (await devicesOf(place, 'ada')).length, 0)
  }
  await subscribe(place, tab)
  await tab.evaluate(() => document.querySelector('chat-session')?.end())
  await untilGone()
  await tab.reload()
  await subscribe(place, tab)
  await place.gateway.gateway.client('app').endUserSessions({ user: 'ada' })
  await untilGone()
})

test('a page whose subscription is refused says so and shows notifications itself', async () => {
  // Only the services of the list are asked to push. The page may subscribe as soon as it has a worker, so the host is set before.
  const { place, tab } = await openSite(`${pushManager}; localStorage.setItem('host', 'push.example')`)
  await tab.evaluate(() => document.querySelector('chat-session')?.requestNotifications())
  await untilReceived(tab, 'error refused')
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'by the page' })
  await untilAnnounced(tab, 'by the page')
})
