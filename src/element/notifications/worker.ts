/*
 * For the service worker of a site whose pages show notifications by it, as Chrome on Android wants: a click on one of
 * them focuses the page that showed it and tells it. Imports nothing, and does nothing where there is no service worker.
 */

interface Page {
  readonly id: string
  readonly url: string
  focus(): Promise<unknown>
  postMessage(message: unknown): void
}

/** What a page that showed a notification left with it. */
interface Carried {
  'chat-session'?: string
  messages: unknown
  client?: string
  url: string
}

interface Scope {
  readonly clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: true }): Promise<readonly Page[]>
    openWindow(url: string): Promise<unknown>
  }
  addEventListener(
    type: 'message',
    listener: (event: MessageEvent & { source: { id: string } | null }) => void,
  ): void
  addEventListener(
    type: 'notificationclick',
    listener: (event: {
      notification: { data: Carried | null; close(): void }
      waitUntil(done: Promise<unknown>): void
    }) => void,
  ): void
}

const scope = globalThis as unknown as Scope

/** Shows the page that showed the notification, else another of the site, else opens one. */
const show = async ({ client, url, messages, 'chat-session': name }: Carried): Promise<void> => {
  const pages = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const page = pages.find(({ id }) => id === client) ?? pages.find((other) => other.url === url) ?? pages[0]
  page?.postMessage({ 'chat-session': name, messages })
  await (page ? page.focus() : scope.clients.openWindow(url))
}

if ('clients' in globalThis && 'registration' in globalThis) {
  scope.addEventListener('message', ({ data, ports: [port], source }) => {
    if (data === 'chat-session' && source) port?.postMessage(source.id)
  })
  scope.addEventListener('notificationclick', (event) => {
    const { data } = event.notification
    if (!data?.['chat-session']) return
    event.notification.close()
    event.waitUntil(show(data))
  })
}

export {}
