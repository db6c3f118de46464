import type { Message } from '../../session/index.js'
import type { Notice } from './content.js'

/** Milliseconds that a service worker has to say what it calls this page. */
const CLIENT_LIMIT = 3_000

/** What a notification carries that a service worker shows, and what the worker tells of a click on it. */
export interface Carried {
  /** The session's name. */
  'chat-session': string
  messages: readonly Message[]
}

/** Absent over plain http; a sandbox throws. */
export const workers = (): ServiceWorkerContainer | undefined => {
  try {
    return (navigator as Partial<Navigator>).serviceWorker
  } catch {
    return undefined
  }
}

let clientId: string | undefined

/** What the worker calls this page. A worker without `chat-session/worker` says nothing. */
const askClientId = (worker: ServiceWorker): Promise<string | undefined> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    const answer = (id?: string): void => {
      clearTimeout(limit)
      port1.close()
      resolve(id)
    }
    const limit = setTimeout(answer, CLIENT_LIMIT)
    port1.onmessage = ({ data }) => answer(String(data))
    worker.postMessage('chat-session', [port2])
  })

/** Shows a notification of `messages`. Rejects where the browser has no way to. */
export const showNotice = async (
  { title, options }: Notice,
  carried: Carried,
  clicked: () => void,
): Promise<void> => {
  try {
    const notification = new Notification(title, options)
    notification.onclick = () => {
      notification.close()
      window.focus()
      clicked()
    }
  } catch (cause) {
    // Chrome on Android has a service worker show them.
    const registration = await workers()?.getRegistration()
    if (!registration?.active) throw cause
    clientId ??= await askClientId(registration.active)
    await registration.showNotification(title, {
      ...options,
      data: { ...carried, client: clientId, url: location.href },
    })
  }
}
