/*
 * For a site's service worker, which shows the notifications of its pages in Chrome on Android. After a click it focuses the page
 * that showed the notification and posts the click to it. The module has no imports, and does nothing outside of a service worker.
 */
import type { NotificationClick, NotificationData } from './show.js'

interface PageClient {
  readonly id: string
  readonly url: string
  focus(): Promise<unknown>
  postMessage(message: NotificationClick): void
}

interface Scope {
  readonly clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: true }): Promise<readonly PageClient[]>
    openWindow(url: string): Promise<unknown>
  }
  addEventListener(
    type: 'message',
    listener: (event: MessageEvent & { source: { id: string } | null }) => void,
  ): void
  addEventListener(
    type: 'notificationclick',
    listener: (event: {
      notification: { data: Partial<NotificationData> | null; close(): void }
      waitUntil(done: Promise<unknown>): void
    }) => void,
  ): void
}

const scope = globalThis as unknown as Scope

/** Focuses the page that showed the notification, or one with the same URL, or any page of the site. Without a page it opens one. */
const focusPage = async ({
  client,
  url,
  messages,
  'chat-session': userKey,
}: NotificationData): Promise<void> => {
  const pages = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const page = pages.find(({ id }) => id === client) ?? pages.find((other) => other.url === url) ?? pages[0]
  page?.postMessage({ 'chat-session': userKey, messages })
  await (page ? page.focus() : scope.clients.openWindow(url))
}

if ('clients' in globalThis && 'registration' in globalThis) {
  scope.addEventListener('message', ({ data, ports: [port], source }) => {
    if (data === 'chat-session' && source) port?.postMessage(source.id)
  })
  scope.addEventListener('notificationclick', (event) => {
    const { data } = event.notification
    // The site's own notifications have no such data.
    if (!data?.['chat-session']) return
    event.notification.close()
    event.waitUntil(focusPage(data as NotificationData))
  })
}

export {}
