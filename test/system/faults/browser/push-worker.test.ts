// The worker gets real push events, from the browser's developer tools: no test reaches the push service of a browser's vendor.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page, Worker } from 'playwright-core'
import { until } from '../../../support/until.js'
import { receivedIn, sender, untilReceived } from '../../../support/sites/rendered-site.js'
import {
  announcedIn,
  clickIn,
  context,
  openTab,
  register,
  shownBy,
  startPlaceWithWorker,
  type Place,
} from './notifications-site.js'

/** What the gateway pushes for a message. */
const pushed = (offset: number, body: string, more: { from?: string | null; user?: string } = {}) => {
  const { from = 'bob', user = 'ada' } = more
  return {
    web_push: 8030,
    notification: {
      ...{ title: from ?? 'New message', body, navigate: 'https://www.example.com/messages' },
      tag: `chat-session:app:${user}:${from ?? ''}`,
      data: { app: 'app', user, offset, from },
    },
    app_badge: offset,
  }
}

/** Returns a function that delivers a push to the site's worker, which takes it as one of a push service. */
const deliverTo = async ({ site }: Place, page: Page): Promise<(data: unknown) => Promise<void>> => {
  const tools = await context.newCDPSession(page)
  let registrationId = ''
  tools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
    const own = registrations.find(({ scopeURL }) => scopeURL.startsWith(site.url))
    if (own) registrationId = own.registrationId
  })
  await tools.send('ServiceWorker.enable')
  await until('the registration', () => registrationId !== '')
  return async (data) => {
    const text = typeof data === 'string' ? data : JSON.stringify(data)
    await tools.send('ServiceWorker.deliverPushMessage', { origin: site.url, registrationId, data: text })
  }
}

/** Opens a page of a site with a worker. `show` delivers a push, and resolves with all that the worker shows by then. */
const openSite = async () => {
  const place = await startPlaceWithWorker()
  const tab = await openTab(place)
  const worker = await register(tab)
  await worker.evaluate(`
    badges = []
    navigator.setAppBadge = async (count) => void badges.push(count)
    shown = 0
    const { showNotification } = registration
    registration.showNotification = async (...args) => {
      await showNotification.apply(registration, args)
      shown += 1
    }`)
  const deliver = await deliverTo(place, tab)
  let count = 0
  const show = async (data: unknown): Promise<string> => {
    await deliver(data)
    // Polling `getNotifications` could remove the notification, so the worker counts.
    await until('shown notifications', () => worker.evaluate('shown'), ++count)
    return shownBy(worker)
  }
  return { place, tab, worker, deliver, show }
}

/** Waits until the worker shows nothing else. */
const untilLeft = (worker: Worker, text: string): Promise<void> =>
  until('what the worker shows', () => shownBy(worker), text)

test('a push is shown, a later one of the same sender takes its place, and the badge has the count', async () => {
  const { worker, show } = await openSite()
  assert.equal(await show(pushed(1, 'Hello')), 'bob Hello chat-session:app:ada:bob')
  assert.equal(await show(pushed(2, 'again')), 'bob again chat-session:app:ada:bob')
  assert.equal((await show(pushed(3, 'from the shop', { from: null }))).split(',').length, 2)
  assert.deepEqual(await worker.evaluate('badges'), [1, 2, 3])
})

test('a push of somebody else is left to the site', async () => {
  const { deliver, show } = await openSite()
  const site = { web_push: 8030, notification: { title: 'The site' } }
  for (const other of ['no JSON', 'null', site, { data: { app: 'app' } }]) await deliver(other)
  const shown = await show(pushed(1, 'Hello'))
  assert.match(shown, /bob Hello/)
  assert.doesNotMatch(shown, /The site|undefined/)
})

test('a push of the gateway that lacks something is shown all the same', async () => {
  const { show } = await openSite()
  const { notification, ...rest } = pushed(1, 'Hello')
  const { title, data } = notification
  assert.equal(await show({ ...rest, notification: { title, data } }), 'bob  ')
})

test('the worker subscribes again, with the same key, if the browser has changed the subscription', async () => {
  const { worker } = await openSite()
  // No test reaches a push service, which would give the subscription.
  const asked = await worker.evaluate<[boolean, number[]][]>(`(async () => {
    const asked = []
    const done = []
    PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey: key }) => {
      asked.push([userVisibleOnly, [...new Uint8Array(key)]])
      throw new DOMException('The push service is away.', 'AbortError')
    }
    const change = (oldSubscription) => {
      const event = new ExtendableEvent('pushsubscriptionchange')
      Object.assign(event, { oldSubscription, waitUntil: (promise) => done.push(promise) })
      dispatchEvent(event)
    }
    change({ options: { applicationServerKey: Uint8Array.of(4, 1, 2).buffer } })
    change(null)
    await Promise.all(done)
    return asked
  })()`)
  assert.deepEqual(asked, [[true, [4, 1, 2]]])
})

test('a click fires in a page of the site with the message, and opens the address of the push without one', async () => {
  const { place, tab, worker, show } = await openSite()
  await place.bob.send({ to: 'ada', body: 'Hello' })
  await untilReceived(tab, 'message Hello')
  await show(pushed(1, 'Hello'))
  assert.deepEqual(await clickIn(worker), [])
  await until('the click', async () => (await announcedIn(tab)).at(-1)?.bodies.join(), 'Hello')
  assert.equal(await shownBy(worker), '')
  // Another user of this computer was logged in when it came.
  await show(pushed(1, 'For Eve', { user: 'eve' }))
  assert.deepEqual(await clickIn(worker), [])
  await show(pushed(2, 'later'))
  assert.equal((await announcedIn(tab)).length, 1)
  await tab.goto('about:blank')
  assert.deepEqual(await clickIn(worker), ['https://www.example.com/messages'])
})

test('a pushed notification goes when its message is read on another device, and all go at the log-out', async () => {
  const { place, tab, worker, show } = await openSite()
  const phone = await sender(place.gateway, 'ada')
  for (const body of ['one', 'two']) await place.bob.send({ to: 'ada', body })
  await untilReceived(tab, 'message two')
  await show(pushed(1, 'one'))
  assert.equal((await show(pushed(2, 'two', { from: null }))).split(',').length, 2)
  await phone.markRead(1)
  await untilLeft(worker, 'New message two chat-session:app:ada:')
  await tab.evaluate(() => document.querySelector('chat-session')?.end())
  await until('the session has ended', async () => (await receivedIn(tab)).includes('over: logged out'))
  await untilLeft(worker, '')
})
