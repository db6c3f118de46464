import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { receivedIn, sender, untilReceived } from '../../../support/sites/rendered-site.js'
import { until } from '../../../support/until.js'
import {
  announcedIn,
  clickIn,
  hideAll,
  openTab,
  register,
  setElement,
  shownBy,
  startPlace,
  startPlaceWithWorker,
  untilAnnounced,
  workerHeaders,
  type Place,
} from './notifications-site.js'

/** `Notification` as in Chrome on Android, where its constructor throws. Counts the notifications that the worker shows. */
const noConstructor = `
  window.Notification = class extends Notification {
    constructor() { throw new TypeError('Illegal constructor.') }
  }
  window.shownByWorker = 0
  const { showNotification } = ServiceWorkerRegistration.prototype
  ServiceWorkerRegistration.prototype.showNotification = async function (...args) {
    await showNotification.apply(this, args)
    shownByWorker += 1
  }`

/** Waits until the worker has shown a notification. Polling `getNotifications` could remove it, so the page counts. */
const untilShown = (page: Page): Promise<void> =>
  until('notifications that the worker showed', () => page.evaluate('shownByWorker'), 1)

/** Such a site, whose service worker imports chat-session's worker. */
const startSite = (): Promise<Place> => startPlaceWithWorker(noConstructor)

/** A page whose timers of one to three seconds never end. */
const impatient = `{
  const { setTimeout } = window
  window.setTimeout = (callback, delay, ...given) =>
    delay >= 1_000 && delay <= 3_000 ? 0 : setTimeout(callback, delay, ...given)
}`

const click = { type: 'session-notification-click', bodies: ['Hello'] }

test("if a page can't show a notification its service worker does, and a click fires session-notification-click in that page", async () => {
  const place = await startSite()
  const tab = await openTab(place)
  // This tab has the same URL, and was visible later.
  const other = await openTab(place)
  await setElement(other, { notifications: false })
  const worker = await register(tab)
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'Hello' })
  await untilShown(tab)
  assert.equal(await shownBy(worker), 'bob Hello chat-session:app:ada:1')
  await setElement(other, { notifications: true })
  assert.deepEqual(await clickIn(worker), [])
  await until('the latest event of the page', async () => (await announcedIn(tab)).at(-1)?.type, click.type)
  assert.deepEqual((await announcedIn(tab)).at(-1), click)
  assert.deepEqual(await announcedIn(other), [])
  assert.equal(await shownBy(worker), '')
})

test('a click fires in another page if the first page is closed, and opens a page if all are closed', async () => {
  const place = await startSite()
  const other = await openTab(place, '/other')
  await setElement(other, { notifications: false })
  const worker = await register(other)
  for (const isLast of [false, true]) {
    const tab = await openTab(place, '/tab?x=1#y')
    await hideAll(tab)
    await setElement(other, { notifications: false })
    await place.bob.send({ to: 'ada', body: 'Hello' })
    await untilShown(tab)
    await setElement(other, { notifications: true })
    await tab.close()
    if (isLast) await other.close()
    assert.deepEqual(await clickIn(worker), isLast ? [`${place.site.url}/tab?x=1#y`] : [])
    if (!isLast)
      await until(
        'the latest event of the other page',
        async () => (await announcedIn(other)).at(-1)?.type,
        click.type,
      )
  }
})

test('a worker that answers nothing is asked once, and shows each notification within a second', async () => {
  const silent = `self.asked = 0; addEventListener('message', () => (asked += 1))`
  const place = await startPlace({
    script: `${noConstructor}\n${impatient}`,
    api: () => ({ status: 200, headers: workerHeaders, body: silent }),
  })
  const tab = await openTab(place)
  const worker = await register(tab)
  await hideAll(tab)
  for (const count of [1, 2]) {
    await place.bob.send({ to: 'ada', body: `Hello ${count}` })
    await until('notifications that the worker showed', () => tab.evaluate('shownByWorker'), count)
  }
  assert.equal(await worker.evaluate('asked'), 1)
})

test('without a service worker the element reports notifications-unsupported once', async () => {
  const place = await startPlace({ script: noConstructor })
  const tab = await openTab(place)
  await hideAll(tab)
  for (const body of ['one', 'two', 'three']) {
    await place.bob.send({ to: 'ada', body })
    await untilAnnounced(tab, body)
  }
  await untilReceived(tab, 'error notifications-unsupported')
  const errors = (await receivedIn(tab)).filter((line) => line.startsWith('error'))
  assert.deepEqual(errors, ['error notifications-unsupported'])
})

for (const [what, peer] of [
  ['its message is read on another device', undefined],
  ['the mark of its sender passes its message', 'bob'],
] as const)
  test(`a notification that the worker shows goes when ${what}`, async () => {
    const place = await startSite()
    const tab = await openTab(place)
    const worker = await register(tab)
    const phone = await sender(place.gateway, 'ada')
    await worker.evaluate(`registration.showNotification("The site's own")`)
    await hideAll(tab)
    await place.bob.send({ to: 'ada', body: 'Hello' })
    await untilShown(tab)
    await phone.markRead(1, peer && { with: peer })
    await untilReceived(tab, 'unread 0')
    await until('what the worker shows', async () => (await shownBy(worker)).trim(), "The site's own")
  })
