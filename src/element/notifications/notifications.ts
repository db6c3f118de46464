import { SessionError, type ChatSession, type Message } from '../../session/index.js'
import { emit } from '../emit.js'
import { notificationContent } from './content.js'
import { announceVisibility, isAnyTabVisible } from './tab-visibility.js'
import { serviceWorkers, showNotification, type NotificationClick } from './show.js'

/** How many messages a notification's `data` has at most, the newest ones, because browsers limit its size. All are counted. */
const MAX_MESSAGES = 20

/** This many notifications may be shown at once. Each further notification waits this many milliseconds. */
const BURST = 5
const INTERVAL = 1_000

/** `Notification` is absent over plain http, in workers, and in Safari on iOS outside of an installed app. */
const isGranted = (): boolean =>
  (globalThis as Partial<typeof globalThis>).Notification?.permission === 'granted'

/** Asks the user for the permission. Rejects with `notifications-denied` or `notifications-unsupported`. */
export const requestPermission = async (): Promise<void> => {
  if (!('Notification' in globalThis)) throw new SessionError('notifications-unsupported')
  if ((await Notification.requestPermission()) !== 'granted') throw new SessionError('notifications-denied')
}

/** The state of a session's notifications. */
interface State {
  /** App and user: the tag of the notifications, and the name under which tabs announce their visibility. Empty without a session. */
  userKey: string
  /** Ends the listener and the announcement that belong to the session's present state. */
  subscription?: AbortController
  /** The newest of the messages that no notification has shown yet. */
  pending: readonly Message[]
  /** How many messages no notification has shown yet. */
  pendingCount: number
  /** The offset of the latest message. */
  newest: number
  /** The time at which the rate limit allows a whole burst again. */
  idleAt: number
  timer?: ReturnType<typeof setTimeout>
  failureReported?: boolean
}

/**
 * Shows desktop notifications of a session's messages while no tab of the user is visible. `target` returns the element that
 * dispatches the events, or undefined while no element has `notifications` set.
 */
export const showNotificationsOf = (session: ChatSession, target: () => HTMLElement | undefined): void => {
  const state: State = {
    userKey: '',
    pending: [],
    pendingCount: 0,
    newest: 0,
    idleAt: 0,
  }

  const clicked = (messages: readonly Message[]): boolean =>
    emit(target(), 'session-notification-click', { messages })

  const clear = (): void => {
    clearTimeout(state.timer)
    state.pending = []
    state.pendingCount = 0
  }

  const show = async (messages: readonly Message[], count: number): Promise<void> => {
    const userKey = state.userKey
    const isVisible = await isAnyTabVisible(userKey)
    if (userKey !== state.userKey) return
    if (isVisible) {
      // The user has seen the pending messages too. No notification was shown, so none counts for the rate limit.
      state.idleAt -= INTERVAL
      return clear()
    }
    const content = { messages, ...notificationContent(messages, count, userKey) }
    if (!emit(target(), 'session-notification', content)) return
    try {
      await showNotification(content, { 'chat-session': userKey, messages }, () => clicked(messages))
    } catch (cause) {
      // Once per session: every further message would fail in the same way.
      const error = new SessionError('notifications-unsupported', { cause })
      state.failureReported ||= emit(target(), 'session-error', { error })
    }
  }

  /** Shows the pending messages as one notification, as soon as the rate limit allows it. */
  const showPending = (): void => {
    clearTimeout(state.timer)
    // After a reconnect all missed messages arrive first, and are shown as one summary.
    if (!state.pendingCount || state.newest < session.missedUntil) return
    const now = performance.now()
    const wait = state.idleAt - now - (BURST - 1) * INTERVAL
    if (wait > 0) {
      state.timer = setTimeout(showPending, wait)
      return
    }
    state.idleAt = Math.max(state.idleAt, now) + INTERVAL
    void show(state.pending, state.pendingCount)
    clear()
  }

  session.addEventListener('state', () => {
    const { appId, user } = session
    const userKey = user ? `chat-session:${appId}:${encodeURIComponent(user.id)}` : ''
    state.subscription?.abort()
    const { signal } = (state.subscription = new AbortController())
    // Only while active: a page that reconnects shows nothing new, and a lock would keep it out of the back/forward cache.
    if (session.state === 'active') announceVisibility(userKey, signal)
    if (userKey !== state.userKey) {
      state.userKey = userKey
      clear()
    }
    if (!userKey) return
    serviceWorkers()?.addEventListener(
      'message',
      ({ data }: MessageEvent<Partial<NotificationClick> | null>) => {
        if (data?.['chat-session'] === userKey && data.messages) clicked(data.messages)
      },
      { signal },
    )
  })

  session.addEventListener('message', ({ detail: { message } }) => {
    if (document.visibilityState === 'visible' || !isGranted() || !target()) return clear()
    if (message.from !== session.user?.id) {
      state.pending = [...state.pending, message].slice(-MAX_MESSAGES)
      state.pendingCount += 1
    }
    state.newest = message.offset
    showPending()
  })
}
