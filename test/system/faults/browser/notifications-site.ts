/*
 * Helpers of the tests of notifications. These are shown for real, on the system's desktop, in a browser whose tabs are really
 * hidden. A headless browser has no user who clicks, so the tests dispatch that event.
 */
import { afterEach } from 'node:test'
import type { Page, Worker } from 'playwright-core'
import type { ChatSessionElement } from '../../../../src/element/define.js'
import type { AppConfig } from '../../../../src/gateway/index.js'
import type { ChatSession } from '../../../../src/session/index.js'
import {
  activeId,
  sender,
  serveSite,
  startDurableGateway,
  type Answer,
  type Site,
} from '../../../support/sites/rendered-site.js'
import { until } from '../../../support/until.js'
import { show, watch } from './lone-browser.js'
import { tokenFor } from '../../../support/tokens.js'
import type { TestGateway } from '../../../support/gateway.js'

interface NotificationEvent {
  type: string
  bodies: (string | undefined)[]
}

declare global {
  interface Window {
    /** Every notification that this page created, and those that are shown. */
    made: Notification[]
    seen: Set<Notification>
    /** How many were shown in all. */
    everShown: number
    /** The notification events. */
    announced: NotificationEvent[]
    /** How often the page asked for the permission, and focused its window. */
    asked: number
    focused: number
  }
}

/** Records the page's notifications, and their events. */
const recorder = `
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

export const context = await watch()
/** A tab of another site, which hides the others when it is shown. */
export const elsewhere = await context.newPage()

afterEach(async () => {
  for (const page of context.pages()) if (page !== elsewhere) await page.close()
})

interface Given {
  /** Attributes of the tag, besides those of the user and the token. */
  attributes?: Record<string, string>
  api?: (path: string) => Answer
  script?: string
  /** The config of the app. */
  app?: Partial<AppConfig>
  /** The gateway of the page, if it is not the place's own: a proxy. */
  from?: { url: string }
}

export interface Place {
  gateway: TestGateway
  site: Site
  bob: ChatSession
}

/** Starts a site whose pages show ada's notifications, and bob's session, which sends to her. */
export const startPlace = async ({
  attributes = { notifications: '' },
  api = () => ({ status: 404 }),
  script = '',
  app,
  from,
}: Given = {}): Promise<Place> => {
  const gateway = await startDurableGateway(undefined, undefined, app)
  const render = async (): Promise<Record<string, string>> => ({
    token: await tokenFor('ada'),
    'user-id': 'ada',
    ...attributes,
  })
  const site = await serveSite(from ?? gateway, render, api, recorder + script)
  await context.grantPermissions(['notifications'], { origin: site.url })
  return { gateway, site, bob: await sender(gateway) }
}

export const openTab = async ({ site }: Place, path = '/'): Promise<Page> => {
  const page = await context.newPage()
  await page.goto(site.url + path)
  await activeId(page)
  return page
}

export const announcedIn = (page: Page): Promise<NotificationEvent[]> => page.evaluate(() => window.announced)

export const untilAnnounced = (page: Page, body: string, timeout?: number): Promise<void> =>
  until(
    `${body} was announced`,
    async () => (await announcedIn(page)).some(({ bodies }) => bodies.includes(body)),
    true,
    timeout,
  )

/** Waits until `count` notifications of the page are shown. */
export const untilSeen = (page: Page, count: number): Promise<void> =>
  until('shown notifications', () => page.evaluate(() => window.seen.size), count)

/** Returns the notifications that the page created. */
export const madeIn = (page: Page): Promise<Record<'title' | 'body' | 'tag' | 'icon', string>[]> =>
  page.evaluate(() => window.made.map(({ title, body, tag, icon }) => ({ title, body, tag, icon })))

/** Waits until `page` finds the locks of this many visible tabs. */
export const untilVisible = (page: Page, tabs: number): Promise<void> =>
  until(
    'tabs with a lock',
    () =>
      page.evaluate(async () => {
        const held = (await navigator.locks.query()).held ?? []
        return held.filter(({ name }) => name?.startsWith('chat-session:app:ada ')).length
      }),
    tabs,
  )

/** Waits until a hidden tab has decided about its messages: it queries the locks first, and queries are answered in order. */
export const untilDecided = (page: Page): Promise<void> =>
  page.evaluate(() => navigator.locks.query().then(() => undefined))

/** Hides all tabs of the site, and waits until none has a lock. */
export const hideAll = async (page: Page): Promise<void> => {
  await show(elsewhere)
  await untilVisible(page, 0)
}

export const setElement = (
  page: Page,
  change: Partial<Pick<ChatSessionElement, 'notifications' | 'push'>>,
): Promise<void> =>
  page.evaluate((change) => {
    Object.assign(document.querySelector('chat-session') ?? {}, change)
  }, change)

/** The headers of a worker's script in `/api`, whose scope is the whole site. */
export const workerHeaders = { 'content-type': 'text/javascript', 'service-worker-allowed': '/' }

/** Starts a site whose service worker imports chat-session's worker. */
export const startPlaceWithWorker = async (script = '', given: Given = {}): Promise<Place> => {
  let imported = ''
  const place = await startPlace({
    ...given,
    script,
    api: (path) => {
      if (path !== '/api/worker.js') return { status: 404 }
      return { status: 200, headers: workerHeaders, body: `importScripts('${imported}')` }
    },
  })
  imported = `${place.gateway.url}/v1/chat-session-worker.js`
  return place
}

/** Registers the site's worker, which shows the notifications from now on. */
export const register = async (page: Page): Promise<Worker> => {
  const started = context.waitForEvent('serviceworker')
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('/api/worker.js', { scope: '/' })
    await navigator.serviceWorker.ready
  })
  return started
}

/** Returns the notifications that the worker shows, as text. */
export const shownBy = (worker: Worker): Promise<string> =>
  worker.evaluate<string>(`registration.getNotifications().then((all) =>
    all.map(({ title, body, tag }) => [title, body, tag].join(' ')).join())`)

/** Dispatches a click on the worker's notification. Resolves with the URLs that the worker opens. */
export const clickIn = (worker: Worker): Promise<string[]> =>
  worker.evaluate<string[]>(`(async () => {
    const [notification] = await registration.getNotifications()
    const opened = []
    // Only a real click would let a worker open a window.
    clients.openWindow = async (url) => void opened.push(url)
    const event = new NotificationEvent('notificationclick', { notification })
    const done = []
    event.waitUntil = (promise) => done.push(promise)
    dispatchEvent(event)
    await Promise.allSettled(done)
    return opened
  })()`)
