import { SessionError, type ChatSession, type Message } from '../../session/index.js'
import { SessionErrorEvent, SessionNotificationClickEvent, SessionNotificationEvent } from '../events.js'
import { noticeOf } from './content.js'
import { isVisible, showPresence } from './tab-visibility.js'
import { showNotice, workers, type Carried } from './show.js'

/** How many of the messages that were missed a summary keeps: the newest, which a notification can carry. The others are counted. */
const MOST_KEPT = 20

/** How many notifications are shown at once, and the milliseconds that each further one has for itself. */
const AT_ONCE = 5
const PAUSE = 1_000

/** Absent over plain http, in workers, and in Safari on iOS outside of an installed app. */
const granted = (): boolean => 'Notification' in globalThis && Notification.permission === 'granted'

/** Asks the user. Rejects with `notifications-denied` or `notifications-unsupported`. */
export const requestPermission = async (): Promise<void> => {
  if (!('Notification' in globalThis)) throw new SessionError('notifications-unsupported')
  if ((await Notification.requestPermission()) !== 'granted') throw new SessionError('notifications-denied')
}

/**
 * Shows notifications of a session's messages for as long as it lives. `speaker` answers the element that tells of them,
 * and none while nobody wants any.
 */
export const notifyOf = (session: ChatSession, speaker: () => HTMLElement | undefined): void => {
  /** What the user's tabs, and notifications, know each other by; empty while there is no session. */
  let name = ''
  let life = new AbortController()
  /** While other tabs are told whether this one is visible. */
  let seen = new AbortController()
  /** What is to be shown: the newest, and how many in all. */
  let missed: Message[] = []
  let count = 0
  /** The offset of the last message. */
  let newest = 0
  /** When all that was shown has had its turn, and what waits for one. */
  let turnsEnd = 0
  let turn: ReturnType<typeof setTimeout> | undefined
  let isFailureTold = false

  const tell = <D>(
    Class: new (type: string, init: CustomEventInit<D>) => Event,
    type: keyof HTMLElementEventMap,
    detail: D,
  ): boolean =>
    !!speaker()?.dispatchEvent(
      new Class(type, { bubbles: true, composed: true, cancelable: type === 'session-notification', detail }),
    )

  const clicked = (messages: readonly Message[]): boolean =>
    tell(SessionNotificationClickEvent, 'session-notification-click', { messages })

  const show = async (messages: readonly Message[], count: number): Promise<void> => {
    const shownFor = name
    const isSeen = await isVisible(shownFor)
    if (shownFor !== name) return
    if (isSeen) {
      // So is what waits, and it takes nobody's turn.
      turnsEnd -= PAUSE
      return forget()
    }
    const notice = { messages, ...noticeOf(messages, count, shownFor) }
    if (!tell(SessionNotificationEvent, 'session-notification', notice)) return
    try {
      await showNotice(notice, { 'chat-session': shownFor, messages }, () => clicked(messages))
    } catch (cause) {
      if (isFailureTold) return
      isFailureTold = true
      tell(SessionErrorEvent, 'session-error', {
        error: new SessionError('notifications-unsupported', { cause }),
      })
    }
  }

  const forget = (): void => {
    missed = []
    count = 0
  }

  /** Who is sent more than anybody can look at gets it in summaries. */
  const showMissed = (): void => {
    clearTimeout(turn)
    if (!count || newest < session.missedUntil) return
    const now = performance.now()
    const wait = turnsEnd - now - (AT_ONCE - 1) * PAUSE
    if (wait > 0) {
      turn = setTimeout(showMissed, wait)
      return
    }
    turnsEnd = Math.max(turnsEnd, now) + PAUSE
    void show(missed, count)
    forget()
  }

  session.addEventListener('state', () => {
    const { appId, user, state } = session
    // A page that waits for its connection shows nothing either, and a lock would keep it from the back/forward cache.
    seen.abort()
    const now = user ? `chat-session:${appId}:${encodeURIComponent(user.id)}` : ''
    if (state === 'active') showPresence(now, (seen = new AbortController()).signal)
    if (now === name) return
    name = now
    life.abort()
    clearTimeout(turn)
    forget()
    if (!now) return
    life = new AbortController()
    workers()?.addEventListener(
      'message',
      ({ data }: MessageEvent<Partial<Carried> | null>) => {
        if (data?.['chat-session'] === now && data.messages) clicked(data.messages)
      },
      { signal: life.signal },
    )
  })

  session.addEventListener('message', ({ detail: message }) => {
    if (document.visibilityState === 'visible' || !granted() || !speaker()) return forget()
    if (message.from !== session.user?.id) {
      missed = [...missed, message].slice(-MOST_KEPT)
      count += 1
    }
    newest = message.offset
    showMissed()
  })
}
