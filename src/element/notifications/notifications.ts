import { SessionError, type ChatSession, type Message } from '../../session/index.js'
import { emit } from '../event-map.js'
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
  _userKey: string
  /** Ends the listener and the announcement that belong to the session's present state. */
  _subscription?: AbortController
  /** The newest of the messages that no notification has shown yet. */
  _pending: readonly Message[]
  /** How many messages no notification has shown yet. */
  _pendingCount: number
  /** The offset of the latest message. */
  _newest: number
  /** The time at which the rate limit allows a whole burst again. */
  _idleAt: number
  _timer?: ReturnType<typeof setTimeout>
  _failureReported?: boolean
}

/**
 * Shows desktop notifications of a session's messages while no tab of the user is visible. `target` returns the element that
 * dispatches the events, or undefined while no element has `notifications` set.
 */
export const showNotificationsOf = (session: ChatSession, target: () => HTMLElement | undefined): void => {
  const state: State = {
    _userKey: '',
    _pending: [],
    _pendingCount: 0,
    _newest: 0,
    _idleAt: 0,
  }

  const clicked = (messages: readonly Message[]): boolean =>
    emit(target(), 'session-notification-click', { messages })

  const clear = (): void => {
    clearTimeout(state._timer)
    state._pending = []
    state._pendingCount = 0
  }

  const show = async (messages: readonly Message[], count: number): Promise<void> => {
    const userKey = state._userKey
    const isVisible = await isAnyTabVisible(userKey)
    if (userKey !== state._userKey) return
    if (isVisible) {
      // The user has seen the pending messages too. No notification was shown, so none counts for the rate limit.
      state._idleAt -= INTERVAL
      return clear()
    }
    const content = { messages, ...notificationContent(messages, count, userKey) }
    if (!emit(target(), 'session-notification', content)) return
    try {
      await showNotification(content, { 'chat-session': userKey, messages }, () => clicked(messages))
    } catch (cause) {
      // Once per session: every further message would fail in the same way.
      if (state._failureReported) return
      state._failureReported = true
      emit(target(), 'session-error', {
        error: new SessionError('notifications-unsupported', { cause }),
      })
    }
  }

  /** Shows the pending messages as one notification, as soon as the rate limit allows it. */
  const showPending = (): void => {
    clearTimeout(state._timer)
    // After a reconnect all missed messages arrive first, and are shown as one summary.
    if (!state._pendingCount || state._newest < session.missedUntil) return
    const now = performance.now()
    const wait = state._idleAt - now - (BURST - 1) * INTERVAL
    if (wait > 0) {
      state._timer = setTimeout(showPending, wait)
      return
    }
    state._idleAt = Math.max(state._idleAt, now) + INTERVAL
    void show(state._pending, state._pendingCount)
    clear()
  }

  session.addEventListener('state', () => {
    const { appId, user } = session
    const userKey = user ? `chat-session:${appId}:${encodeURIComponent(user.id)}` : ''
    state._subscription?.abort()
    const { signal } = (state._subscription = new AbortController())
    // Only while active: a page that reconnects shows nothing new, and a lock would keep it out of the back/forward cache.
    if (session.state === 'active') announceVisibility(userKey, signal)
    if (userKey !== state._userKey) {
      state._userKey = userKey
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

  session.addEventListener('message', ({ detail: message }) => {
    if (document.visibilityState === 'visible' || !isGranted() || !target()) return clear()
    if (message.from !== session.user?.id) {
      state._pending = [...state._pending, message].slice(-MAX_MESSAGES)
      state._pendingCount += 1
    }
    state._newest = message.offset
    showPending()
  })
}
