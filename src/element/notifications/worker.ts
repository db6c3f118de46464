/*
 * A module for a site's service worker. It shows the gateway's pushes. After a click on a notification it focuses a page, and posts the
 * click to that page. It also handles clicks on the notifications that the site's pages show in Chrome on Android. The module has no
 * imports, and does nothing outside a service worker.
 */
import type { NotificationClick, NotificationData, PushedData } from './show.js'

interface PageClient {
  readonly id: string
  readonly url: string
  focus(): Promise<unknown>
  postMessage(message: NotificationClick): void
}

/** A push of the gateway: a declarative push message, which Safari shows without this script. */
interface PushMessage {
  web_push: 8030
  notification: { title: string; body?: string; navigate: string; tag: string; data: PushedData }
  app_badge?: number
}

/** The `data` of a pushed notification, with the URL that a click opens. */
type ShownData = PushedData & { navigate: string }

interface ExtendableEvent {
  waitUntil(done: Promise<unknown>): void
}

interface Events {
  message: MessageEvent & { source: { id: string } | null }
  notificationclick: ExtendableEvent & {
    notification: { data: Partial<NotificationData & ShownData> | null; close(): void }
  }
  push: ExtendableEvent & { data: { json(): unknown } | null }
  pushsubscriptionchange: ExtendableEvent & { oldSubscription?: PushSubscription | null }
}

interface Scope {
  readonly clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: true }): Promise<readonly PageClient[]>
    openWindow(url: string): Promise<unknown>
  }
  readonly registration: ServiceWorkerRegistration
  addEventListener<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): void
}

const scope = globalThis as unknown as Scope

/**
 * Posts the click to the page that showed the notification, or to a page with the same URL, or to any page of the site, and focuses that
 * page. If no page is open, opens one.
 */
const focusPage = async (
  click: NotificationClick,
  { client, url }: { client?: string | undefined; url: string },
): Promise<void> => {
  const pages = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const page = pages.find(({ id }) => id === client) ?? pages.find((other) => other.url === url) ?? pages[0]
  page?.postMessage(click)
  await (page ? page.focus() : scope.clients.openWindow(url))
}

/** Returns the gateway's message; undefined for a push of another server, which the site's own script handles. */
const messageOf = ({ data }: Events['push']): PushMessage | undefined => {
  try {
    const message = data?.json() as Partial<PushMessage> | null | undefined
    const { app, user } = message?.notification?.data ?? {}
    return message?.web_push === 8030 && app !== undefined && user !== undefined
      ? (message as PushMessage)
      : undefined
  } catch {
    // The push is no JSON.
    return undefined
  }
}

const show = async ({ notification, app_badge: unread }: PushMessage): Promise<void> => {
  const { title, body = '', navigate, tag, data } = notification
  // A later notification of the same sender replaces the earlier one. `renotify` makes it alert the user again, and throws without a tag.
  const options: NotificationOptions & { renotify: boolean } = {
    body,
    tag,
    renotify: !!tag,
    data: { ...data, navigate },
  }
  await scope.registration.showNotification(title, options)
  // Firefox has no `setAppBadge`.
  if (unread !== undefined) await (navigator as Partial<Navigator>).setAppBadge?.(unread)
}

if ('clients' in globalThis && 'registration' in globalThis) {
  scope.addEventListener('message', ({ data, ports: [port], source }) => {
    if (data === 'chat-session' && source) port?.postMessage(source.id)
  })
  scope.addEventListener('notificationclick', (event) => {
    const { data } = event.notification
    const { app, user = '', offset, navigate = '/', messages = [], client, url = navigate } = data ?? {}
    const userKey = data?.['chat-session'] ?? (app && `chat-session:${app}:${encodeURIComponent(user)}`)
    // A notification of the site itself has neither `chat-session` nor `app` in its data.
    if (!userKey) return
    event.notification.close()
    const click = { 'chat-session': userKey, messages, ...(app && offset && { offset }) }
    event.waitUntil(focusPage(click, { client, url }))
  })
  scope.addEventListener('push', (event) => {
    const message = messageOf(event)
    if (message) event.waitUntil(show(message))
  })
  scope.addEventListener('pushsubscriptionchange', (event) => {
    const key = event.oldSubscription?.options.applicationServerKey
    // The next page with a session gives this subscription to the gateway. If subscribing fails here, that page subscribes.
    if (key)
      event.waitUntil(
        scope.registration.pushManager
          .subscribe({ userVisibleOnly: true, applicationServerKey: key })
          .catch(() => undefined),
      )
  })
}

export {}
