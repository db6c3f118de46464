/*
 * Notifications are shown for real, to whatever desktop there is, in a browser whose tabs are really hidden. What a
 * headless one lacks is a user who clicks: that event is sent by hand.
 */
import { strict as assert } from 'node:assert'
import { afterEach, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Page, Worker } from 'playwright-core'
import type { ChatSessionElement } from '../../src/element/define.js'
import type { ChatSession } from '../../src/session/index.js'
import {
  activeId,
  receivedIn,
  messagesIn,
  sender,
  sendFrom,
  serveSite,
  startDurableGateway,
  tokenFor,
  untilReceived,
  type Answer,
  type Site,
  type TestGateway,
} from '../e2e/session-site.js'
import { until } from '../support/until.js'
import { untilState } from '../e2e/site.js'
import { startProxy, type Wire } from '../support/proxy.js'
import { goTo, openTab as openCachedTab, show, testAgain, watch } from './lone-browser.js'

interface NotificationEvent {
  type: string
  bodies: (string | undefined)[]
}

declare global {
  interface Window {
    /** Every notification that this page made, and those of them that can be seen. */
    made: Notification[]
    seen: Set<Notification>
    /** How many of them were ever shown. */
    everShown: number
    /** The notification events. */
    announced: NotificationEvent[]
    /** How often the user was asked, and the window focused. */
    asked: number
    focused: number
  }
}

/** Keeps what the page makes of the browser's own notifications. */
const keeper = `
  Object.assign(window, { made: [], seen: new Set(), everShown: 0, announced: [], asked: 0, focused: 0 })
  window.Notification = class extends Notification {
    constructor(title, options) {
      super(title, options)
      made.push(this)
      this.addEventListener('show', () => (everShown += 1) && seen.add(this))
      this.addEventListener('close', () => seen.delete(this))
    }
    static requestPermission() {
      asked += 1
      return super.requestPermission()
    }
  }
  {
    const { focus } = window
    window.focus = () => { focused += 1; focus.call(window) }
  }
  for (const type of ['session-notification', 'session-notification-click'])
    document.addEventListener(type, ({ detail }) => announced.push({ type, bodies: detail.messages.map(({ body }) => body) }))
`

const context = await watch()
/** A tab of another site. */
const elsewhere = await context.newPage()

afterEach(async () => {
  for (const page of context.pages()) if (page !== elsewhere) await page.close()
})

interface Given {
  /** Of the tag, besides those that name and prove the user. */
  attributes?: Record<string, string>
  api?: (path: string) => Answer
  script?: string
  /** Where the page's script comes from, and its session goes to. */
  from?: { url: string }
}

interface Place {
  gateway: TestGateway
  site: Site
  bob: ChatSession
}

/** A site whose pages show ada's notifications, and bob, who writes to her. */
const startPlace = async ({
  attributes = { notifications: '' },
  api = () => ({ status: 404 }),
  script = '',
  from,
}: Given = {}): Promise<Place> => {
  const gateway = await startDurableGateway()
  const render = async (): Promise<Record<string, string>> => ({
    token: await tokenFor('ada'),
    'user-id': 'ada',
    ...attributes,
  })
  const site = await serveSite(from ?? gateway, render, api, keeper + script)
  await context.grantPermissions(['notifications'], { origin: site.url })
  return { gateway, site, bob: await sender(gateway) }
}

const openTab = async ({ site }: Place, path = '/'): Promise<Page> => {
  const page = await context.newPage()
  await page.goto(site.url + path)
  await activeId(page)
  return page
}

const announcedIn = (page: Page): Promise<NotificationEvent[]> => page.evaluate(() => window.announced)

const untilAnnounced = (page: Page, body: string, patience?: number): Promise<void> =>
  until(
    `${body} was announced`,
    async () => (await announcedIn(page)).some(({ bodies }) => bodies.includes(body)),
    true,
    patience,
  )

/** Waits until so many can be seen that the page made. */
const untilSeen = (page: Page, count: number): Promise<void> =>
  until('notifications that can be seen', () => page.evaluate(() => window.seen.size), count)

/** Those that the page made. */
const madeIn = (page: Page): Promise<Record<'title' | 'body' | 'tag' | 'icon', string>[]> =>
  page.evaluate(() => window.made.map(({ title, body, tag, icon }) => ({ title, body, tag, icon })))

/** Waits until so many tabs let others know that they are visible, as `page` sees it. */
const untilVisible = (page: Page, tabs: number): Promise<void> =>
  until(
    'tabs that say that they are visible',
    () =>
      page.evaluate(async () => {
        const held = (await navigator.locks.query()).held ?? []
        return held.filter(({ name }) => name?.startsWith('chat-session:app:ada ')).length
      }),
    tabs,
  )

/** Waits until a hidden tab has decided about its messages. It queries the locks first, and a later query is answered later. */
const untilDecided = (page: Page): Promise<void> =>
  page.evaluate(() => navigator.locks.query().then(() => undefined))

/** Hides all tabs of the site that `page` is of, and waits until none says that it is visible. */
const hideAll = async (page: Page): Promise<void> => {
  await show(elsewhere)
  await untilVisible(page, 0)
}

const has = (page: Page, change: Partial<Pick<ChatSessionElement, 'notifications'>>): Promise<void> =>
  page.evaluate((change) => {
    Object.assign(document.querySelector('chat-session') ?? {}, change)
  }, change)

test('a message that comes while no tab is visible is shown once, however many tabs are open', async () => {
  const place = await startPlace()
  const tabs = [await openTab(place), await openTab(place), await openTab(place)]
  const [first] = tabs
  assert.ok(first)
  await hideAll(first)
  await place.bob.send({ to: 'ada', body: 'Hello' })
  for (const tab of tabs) await untilAnnounced(tab, 'Hello')
  await until(
    'notifications that can be seen, in all tabs',
    async () => {
      const counts = await Promise.all(tabs.map((tab) => tab.evaluate(() => window.seen.size)))
      return counts.reduce((sum, count) => sum + count)
    },
    1,
  )
  for (const tab of tabs)
    assert.deepEqual(await madeIn(tab), [
      { title: 'bob', body: 'Hello', tag: 'chat-session:app:ada:1', icon: '' },
    ])
})

test('nothing is shown while any tab is visible, one that asked for no notifications too; nor what the user sent', async () => {
  const place = await startPlace()
  const one = await openTab(place)
  const other = await openTab(place)
  await has(other, { notifications: false })
  await show(other)
  await untilVisible(one, 1)
  await place.bob.send({ to: 'ada', body: 'seen by ada' })
  for (const tab of [one, other]) await untilReceived(tab, 'message seen by ada')
  await untilDecided(one)
  await show(one)
  await untilVisible(other, 1)
  await place.bob.send({ to: 'ada', body: 'seen again' })
  for (const tab of [one, other]) await untilReceived(tab, 'message seen again')
  await hideAll(one)
  await sendFrom(other, "ada's own")
  await place.bob.send({ to: 'ada', body: 'unseen' })
  await untilAnnounced(one, 'unseen')
  await untilReceived(other, 'message unseen')
  assert.deepEqual(await announcedIn(one), [{ type: 'session-notification', bodies: ['unseen'] }])
  assert.deepEqual(await announcedIn(other), [])
})

test('what was seen in one tab is shown by no other, however much it was', async () => {
  const place = await startPlace()
  const one = await openTab(place)
  const other = await openTab(place)
  await show(other)
  await untilVisible(one, 1)
  // More than has a turn of its own.
  for (let sent = 1; sent <= 12; sent++) await place.bob.send({ to: 'ada', body: `seen ${sent}` })
  for (const tab of [one, other]) await untilReceived(tab, 'message seen 12')
  await untilDecided(one)
  await hideAll(one)
  for (const body of ['new 1', 'new 2']) {
    await place.bob.send({ to: 'ada', body })
    for (const tab of [one, other]) await untilAnnounced(tab, body)
  }
  for (const tab of [one, other])
    assert.deepEqual(
      (await madeIn(tab)).map(({ body }) => body),
      ['new 1', 'new 2'],
    )
})

test('a listener changes what is shown, or stops it', async () => {
  const place = await startPlace({
    script: `document.addEventListener('session-notification', (event) => {
      const { detail } = event
      if (detail.messages[0].body === 'secret') return event.preventDefault()
      detail.title = 'Somebody'
      Object.assign(detail.options, { body: 'wrote something', silent: true })
    })`,
  })
  const tab = await openTab(place)
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'secret' })
  await place.bob.send({ to: 'ada', body: 'no secret' })
  await untilSeen(tab, 1)
  const tag = 'chat-session:app:ada:2'
  assert.deepEqual(await madeIn(tab), [{ title: 'Somebody', body: 'wrote something', tag, icon: '' }])
})

test('a message that ends the session is not shown any more', async () => {
  const place = await startPlace({
    script: `document.addEventListener('session-message', ({ target, detail }) => {
      if (detail.message.body === 'last') target.end()
    })`,
  })
  const tab = await openTab(place)
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'last' })
  await untilState(tab, 'ended')
  await tab.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.start())
  await place.bob.send({ to: 'ada', body: 'first' })
  await untilSeen(tab, 1)
  assert.deepEqual(await announcedIn(tab), [{ type: 'session-notification', bodies: ['first'] }])
})

test('a click closes the notification, focuses the tab and tells it', async () => {
  const place = await startPlace()
  const tab = await openTab(place)
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'Hello' })
  await untilSeen(tab, 1)
  await tab.evaluate(() => window.made[0]?.dispatchEvent(new Event('click')))
  await untilSeen(tab, 0)
  assert.equal(await tab.evaluate(() => window.focused), 1)
  assert.deepEqual((await announcedIn(tab)).at(-1), { type: 'session-notification-click', bodies: ['Hello'] })
})

/** Tabs whose way to the gateway is cut while bob sends, and ada from elsewhere. */
const miss = async (bodies: string[], count = 1): Promise<Page[]> => {
  let isGone = false
  let target = ''
  const proxy = await startProxy(
    () => target,
    () => isGone,
  )
  const place = await startPlace({ from: proxy })
  target = place.gateway.url
  const tabs: Page[] = []
  while (tabs.length < count) tabs.push(await openTab(place))
  const [first] = tabs
  assert.ok(first)
  await hideAll(first)
  isGone = true
  proxy.cut()
  for (const tab of tabs) await untilState(tab, 'reconnecting')
  for (const body of bodies) await place.bob.send({ to: 'ada', body })
  const phone = await sender(place.gateway, 'ada')
  await phone.send({ to: 'bob', body: "ada's own" })
  isGone = false
  for (const tab of tabs) {
    await tab.evaluate(() => dispatchEvent(new Event('online')))
    await untilReceived(tab, "message ada's own")
  }
  return tabs
}

test('what was missed while the connection was away makes one summary, in the place of the one before', async () => {
  const bodies = Array.from({ length: 30 }, (_, index) => `missed ${index}`)
  const tabs = await miss(bodies, 2)
  for (const tab of tabs) await untilAnnounced(tab, 'missed 29')
  for (const tab of tabs) {
    assert.deepEqual(await madeIn(tab), [
      { title: '/', body: '30 new messages', tag: 'chat-session:app:ada', icon: '' },
    ])
    assert.deepEqual(await announcedIn(tab), [{ type: 'session-notification', bodies: bodies.slice(-20) }])
  }
})

test('a flood while nobody looks is a few notifications and summaries of the rest, and the page goes on', async () => {
  const place = await startPlace()
  const tab = await openTab(place)
  await hideAll(tab)
  const [flood, batch] = [10_000, 100]
  const start = performance.now()
  /** How many messages it had received, whenever it could be asked. */
  const lengths = new Set<number>()
  const over = new AbortController()
  const watching = (async () => {
    for (; !over.signal.aborted; await pause(20))
      lengths.add(await tab.evaluate(() => window.received.length))
  })()
  for (let sent = 0; sent < flood; sent += batch)
    await Promise.all(
      Array.from({ length: batch }, (_, index) =>
        place.bob.send({ to: 'ada', body: `flood ${sent + index + 1}` }),
      ),
    )
  // A hidden page gets little of a machine that has much to do.
  await untilAnnounced(tab, `flood ${flood}`, 300_000)
  const seconds = (performance.now() - start) / 1_000
  over.abort()
  await watching
  assert.ok(lengths.size > 5, `the page answered ${lengths.size} times`)

  assert.equal((await messagesIn(tab)).length, flood)
  const made = await madeIn(tab)
  assert.ok(made.length <= 5 + seconds, `${made.length} notifications in ${seconds} s`)
  assert.deepEqual(
    made.slice(0, 5).map(({ body }) => body),
    ['flood 1', 'flood 2', 'flood 3', 'flood 4', 'flood 5'],
  )
  const summaries = made.filter(({ tag }) => tag === 'chat-session:app:ada')
  const singles = made.length - summaries.length
  const counts = summaries.map(({ body }) => Number(/^(\d+) new messages$/.exec(body)?.[1]))
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    flood - singles,
  )
  // Summaries take each other's place. On a slow machine the browser may have put away what stood for long.
  await until('they are shown', () => tab.evaluate((least) => window.everShown >= least, singles + 1), true)
  await until(
    'one summary is seen',
    () => tab.evaluate((most) => window.seen.size <= most, singles + 1),
    true,
  )
  for (const { bodies } of await announcedIn(tab)) assert.ok(bodies.length <= 20)
})

test('a summary waits until all is there that was missed, though something was shown a moment ago', async () => {
  let isGone = false
  let target = ''
  const last = 'missed 30'
  const wires: Wire[] = []
  const proxy = await startProxy(
    () => target,
    () => isGone,
    (wire) => {
      wires.push(wire)
      wire.down.stall(last)
    },
  )
  const place = await startPlace({ from: proxy })
  target = place.gateway.url
  const tab = await openTab(place)
  await hideAll(tab)
  isGone = true
  await place.bob.send({ to: 'ada', body: 'live' })
  await untilAnnounced(tab, 'live')
  proxy.cut()
  await untilState(tab, 'reconnecting')
  for (let n = 1; n < 30; n += 1)
    await place.bob.send({ to: 'ada', body: `missed ${n}`, data: { more: 'x'.repeat(16_000) } })
  await place.bob.send({ to: 'ada', body: last })
  isGone = false
  await tab.evaluate(() => dispatchEvent(new Event('online')))
  await untilReceived(tab, 'message missed 1')
  // A timer that is set now comes after the one that was set for what was shown.
  await tab.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_000)))
  wires.at(-1)?.down.flow()
  await untilAnnounced(tab, last)
  assert.deepEqual(
    (await madeIn(tab)).map(({ body }) => body),
    ['live', '30 new messages'],
  )
})

test('one message that was missed is shown as itself', async () => {
  const [tab] = await miss(['the only one'])
  assert.ok(tab)
  await untilSeen(tab, 1)
  assert.deepEqual(await madeIn(tab), [
    { title: 'bob', body: 'the only one', tag: 'chat-session:app:ada:1', icon: '' },
  ])
})

test('nobody is asked for permission, and nothing is shown, before a page asks by a gesture', async () => {
  const place = await startPlace()
  await context.clearPermissions()
  const tab = await openTab(place)
  assert.equal(await tab.evaluate(() => Notification.permission), 'default')
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'too early' })
  await untilReceived(tab, 'message too early')
  assert.equal(await tab.evaluate(() => window.asked), 0)
  await context.grantPermissions(['notifications'], { origin: place.site.url })
  await tab.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.requestNotifications())
  await place.bob.send({ to: 'ada', body: 'Hello' })
  await untilSeen(tab, 1)
  assert.deepEqual(await announcedIn(tab), [{ type: 'session-notification', bodies: ['Hello'] }])
})

test('notifications can be turned on and off, and the session goes on', async () => {
  const place = await startPlace({ attributes: {} })
  const tab = await openTab(place)
  const id = await activeId(tab)
  await hideAll(tab)
  for (const [body, notifications] of [
    ['off', false],
    ['on', true],
    ['off again', false],
  ] as const) {
    await has(tab, { notifications })
    await place.bob.send({ to: 'ada', body })
    await untilReceived(tab, `message ${body}`)
    if (notifications) await untilSeen(tab, 1)
  }
  assert.equal(await activeId(tab), id)
  assert.deepEqual(await announcedIn(tab), [{ type: 'session-notification', bodies: ['on'] }])
})

/** As Chrome on Android has it. Keeps how many notifications the worker has shown for the page. */
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

/** Waits until the worker has shown one. Asking the browser again and again for it may take it away: it is cleaning up then. */
const untilShown = (page: Page): Promise<void> =>
  until('notifications that the worker showed', () => page.evaluate('shownByWorker'), 1)

/** A site with a service worker of its own that has ours in it. */
const startPlaceWithWorker = async (): Promise<Place> => {
  let imported = ''
  const place = await startPlace({
    script: noConstructor,
    api: (path) => {
      if (path !== '/api/worker.js') return { status: 404 }
      const headers = { 'content-type': 'text/javascript', 'service-worker-allowed': '/' }
      return { status: 200, headers, body: `importScripts('${imported}')` }
    },
  })
  imported = `${place.gateway.url}/v1/chat-session-worker.js`
  return place
}

/** Has the site's worker show notifications from now on. */
const register = async (page: Page): Promise<Worker> => {
  const started = context.waitForEvent('serviceworker')
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('/api/worker.js', { scope: '/' })
    await navigator.serviceWorker.ready
  })
  return started
}

/** What the worker shows. */
const shownBy = (worker: Worker): Promise<string> =>
  worker.evaluate<string>(`registration.getNotifications().then((all) =>
    all.map(({ title, body, tag }) => [title, body, tag].join(' ')).join())`)

/** Tells the worker that its notification was clicked, as the browser does. Answers the addresses that it wants to open. */
const clickIn = (worker: Worker): Promise<string[]> =>
  worker.evaluate<string[]>(`(async () => {
    const [notification] = await registration.getNotifications()
    const opened = []
    // Only somebody who clicks lets a worker open a window.
    clients.openWindow = async (url) => void opened.push(url)
    const event = new NotificationEvent('notificationclick', { notification })
    const done = []
    event.waitUntil = (promise) => done.push(promise)
    dispatchEvent(event)
    await Promise.allSettled(done)
    return opened
  })()`)

const click = { type: 'session-notification-click', bodies: ['Hello'] }

test('where pages may show none themselves a service worker does, and a click on it tells the page that showed it', async () => {
  const place = await startPlaceWithWorker()
  const tab = await openTab(place)
  // Of the same address, and looked at later.
  const other = await openTab(place)
  await has(other, { notifications: false })
  const worker = await register(tab)
  await hideAll(tab)
  await place.bob.send({ to: 'ada', body: 'Hello' })
  await untilShown(tab)
  assert.equal(await shownBy(worker), 'bob Hello chat-session:app:ada:1')
  await has(other, { notifications: true })
  assert.deepEqual(await clickIn(worker), [])
  await until('the latest event of the page', async () => (await announcedIn(tab)).at(-1)?.type, click.type)
  assert.deepEqual((await announcedIn(tab)).at(-1), click)
  assert.deepEqual(await announcedIn(other), [])
  assert.equal(await shownBy(worker), '')
})

test('a click tells another page when the one that showed it is gone, and opens one when all are', async () => {
  const place = await startPlaceWithWorker()
  const other = await openTab(place, '/other')
  await has(other, { notifications: false })
  const worker = await register(other)
  for (const isLast of [false, true]) {
    const tab = await openTab(place, '/tab?x=1#y')
    await hideAll(tab)
    await has(other, { notifications: false })
    await place.bob.send({ to: 'ada', body: 'Hello' })
    await untilShown(tab)
    await has(other, { notifications: true })
    await tab.close()
    if (isLast) await other.close()
    assert.deepEqual(await clickIn(worker), isLast ? [`${place.site.url}/tab?x=1#y`] : [])
    if (!isLast)
      await until(
        'the latest event of the other',
        async () => (await announcedIn(other)).at(-1)?.type,
        click.type,
      )
  }
})

test('where there is no such worker either, that is reported once', async () => {
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

test('a tab lets others know while it is visible, and no longer: not when it is left, logged out or without the element', async () => {
  const place = await startPlace()
  const other = await openTab(place)
  const tab = await openTab(place)
  const does = (what: 'end' | 'start' | 'remove'): Promise<void> =>
    tab.evaluate(async (what) => {
      await document.querySelector<ChatSessionElement>('chat-session')?.[what]()
    }, what)
  await show(tab)
  await untilVisible(other, 1)
  await show(elsewhere)
  await untilVisible(other, 0)
  await show(tab)
  await untilVisible(other, 1)
  await does('end')
  await untilVisible(other, 0)
  await does('start')
  await untilVisible(other, 1)
  await does('remove')
  await untilVisible(other, 0)
})

testAgain(
  'a page with notifications goes into the back/forward cache, and its lock comes back with it',
  async () => {
    const place = await startPlace()
    const other = await openTab(place)
    const tab = await openCachedTab(context)
    await tab.goto(place.site.url)
    await activeId(tab)
    await show(tab)
    await untilVisible(other, 1)
    await tab.goto('about:blank')
    await untilVisible(other, 0)
    await goTo(tab, -1, `${place.site.url}/`)
    await untilVisible(other, 1)
  },
)
