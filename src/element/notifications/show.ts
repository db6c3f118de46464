import type { Message } from '../../session/index.js'
import { ifPossible } from '../../session/internal.js'
import type { NotificationContent } from './content.js'

/** Milliseconds in which a service worker must answer with this page's client id. The first notification waits for this answer. */
const CLIENT_ID_TIMEOUT = 500

/** The message that a service worker posts to the page after a click. */
export interface NotificationClick {
  /** App and user as one text. By this key a page recognizes its own notifications. */
  'chat-session': string
  messages: readonly Message[]
  /** The offset of a pushed message. A pushed notification has no `messages`. */
  offset?: number
}

/** The `data` of a page's own notification that a service worker shows for the page. */
export interface NotificationData extends NotificationClick {
  /** The client id of the page. */
  client: string | undefined
  /** The URL of the page. */
  url: string
}

/**
 * Returns whether the user allows notifications. `Notification` is absent over plain http, in workers, and in Safari on iOS outside an
 * installed app.
 */
export const isGranted = (): boolean =>
  (globalThis as Partial<typeof globalThis>).Notification?.permission === 'granted'

/** The `data` of a notification of a pushed message. */
export interface PushedData {
  app: string
  user: string
  offset: number
  /** Null for the app's backend. */
  from: string | null
}

/** Returns the page's service workers. They are absent over plain http, and in a sandboxed iframe reading them throws. */
export const serviceWorkers = (): ServiceWorkerContainer | undefined =>
  ifPossible(() => (navigator as Partial<Navigator>).serviceWorker)

/** Returns app and user as one text. The tag of each notification begins with it, and tabs announce their visibility under it. */
export const userKeyOf = (appId: string | undefined, userId: string): string =>
  `chat-session:${appId}:${encodeURIComponent(userId)}`

/** This page's client id. Kept even if there is no answer, so that only the first notification waits for it. */
let clientId: Promise<string | undefined> | undefined

/** Asks the worker for this page's client id. A worker without `chat-session/worker` does not answer. */
const fetchClientId = (worker: ServiceWorker): Promise<string | undefined> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    const settle = (id?: string): void => {
      clearTimeout(timeout)
      port1.close()
      resolve(id)
    }
    const timeout = setTimeout(settle, CLIENT_ID_TIMEOUT)
    port1.onmessage = ({ data }) => settle(String(data))
    worker.postMessage('chat-session', [port2])
  })

/** The offset of a message, and its sender: null for the app's backend. */
export type Placed = Pick<Message, 'offset' | 'from'>

/** Closes a notification of the page. Chromium ignores `close` until it shows the notification, so this calls `close` again then. */
const close = (notification: Notification): void => {
  notification.onshow = () => notification.close()
  notification.close()
}

/** The notifications that this page shows itself, with the user's key and the messages of each. */
const shown = new Map<Notification, NotificationClick>()

/** Closes the user's notifications whose messages are all read: the page's own ones, and those of a service worker. */
export const closeRead = async (userKey: string, isRead: (message: Placed) => boolean): Promise<void> => {
  for (const [notification, { 'chat-session': key, messages }] of shown)
    if (key === userKey && messages.every(isRead)) close(notification)
  const registration = await serviceWorkers()?.getRegistration()
  for (const notification of (await registration?.getNotifications()) ?? []) {
    const data = (notification.data ?? {}) as Partial<NotificationData & PushedData>
    const { app, user = '', offset, from = null } = data
    const key = data['chat-session'] ?? userKeyOf(app, user)
    const messages = offset ? [{ offset, from }] : (data.messages ?? [])
    if (key === userKey && messages.every(isRead)) notification.close()
  }
}

/** Shows a notification, and calls `clicked` after a click on it. Rejects if the browser has no way to show one. */
export const showNotification = async (
  { title, options }: NotificationContent,
  click: NotificationClick,
  clicked: () => void,
): Promise<void> => {
  try {
    const notification = new Notification(title, options)
    shown.set(notification, click)
    notification.onclose = () => shown.delete(notification)
    notification.onclick = () => {
      notification.close()
      window.focus()
      clicked()
    }
  } catch (cause) {
    // Chrome on Android shows notifications through a service worker only.
    const registration = await serviceWorkers()?.getRegistration()
    if (!registration?.active) throw cause
    const client = await (clientId ??= fetchClientId(registration.active))
    const data: NotificationData = { ...click, client, url: location.href }
    await registration.showNotification(title, { ...options, data })
  }
}
