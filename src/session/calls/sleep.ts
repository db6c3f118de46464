import { pageCloseCodes } from '../../protocol/index.js'
import { isAsleep, isOver, type SessionInfo } from '../machine/state.js'
import { page } from '../runtime.js'
import type { CallsHost } from './host.js'

/*
 * A user's hidden pages queue for one Web Lock. The page that holds it stays connected, for notifications and the unread count. The others let
 * their connections go, and are told of the count by that page.
 */

/** Milliseconds for which a page is hidden before it sleeps, and after which one that was woken tries to sleep again. */
const SLEEP_AFTER = 60_000

const pageEvents = ['visibilitychange', 'pagehide', 'pageshow']

export interface Sleep {
  /** Called for each start and each new connection. */
  update(): void
  /** Wakes the page, and keeps it awake until the call has settled. */
  awake<T>(call: () => Promise<T>): Promise<T>
}

/** `info` returns what the gateway said of the session; null while there is none. */
export const createSleep = (
  { session, sleep, endpoint, runner, outbox }: CallsHost,
  info: () => SessionInfo | null,
): Sleep => {
  // They are absent over plain http, and then no page knows of another one that stays connected.
  const locks = sleep && page ? (navigator as Partial<Navigator>).locks : undefined
  /** How many calls have not settled. */
  let calls = 0
  /** Aborts when the hidden page is seen or left, or its session is over; undefined while it is not hidden. */
  let hidden: AbortController | undefined

  const wake = (): void => {
    if (isAsleep(runner.state())) runner.feed({ type: 'wake' })
  }

  /** Takes part in the queue of the hidden pages until `signal` aborts. */
  const queue = (name: string, signal: AbortSignal, locks: LockManager): void => {
    let isFirst = false
    const channel = new BroadcastChannel(name)
    const tell = (): void => {
      const { unread, readOffset, with: peer, readOffsetWith } = info() ?? {}
      const mark = readOffset !== undefined && { readOffset, with: peer, readOffsetWith }
      if (isFirst) channel.postMessage({ unread, ...mark })
    }
    channel.onmessage = ({ data }: MessageEvent<Partial<SessionInfo>>) => {
      const known = info()
      if (known && isAsleep(runner.state()))
        runner.feed({ type: 'leave', at: 'page-asleep', info: { ...known, ...data } })
    }
    session.addEventListener('unread', tell, { signal })
    const timer = setInterval(() => {
      if (!isFirst && !calls && !outbox.pending() && runner.state().name === 'active')
        runner.feed({ type: 'leave', at: 'page-asleep', code: pageCloseCodes.hidden })
    }, SLEEP_AFTER)
    const left = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        clearInterval(timer)
        channel.close()
        resolve()
      })
    })
    const stay = (): Promise<void> => {
      isFirst = true
      wake()
      tell()
      return left
    }
    locks
      .request(name, { signal }, stay)
      // Where a sandbox forbids locks, each page stays connected. After `abort` the request rejects, too.
      .catch(() => (signal.aborted ? undefined : stay()))
  }

  const update = (event?: Event): void => {
    if (!locks) return
    const user = info()?.user.id
    if (isOver(session.state)) for (const type of pageEvents) removeEventListener(type, update)
    // A lock or a channel that is open after `pagehide` keeps the page out of the back/forward cache.
    if (user === undefined || event?.type === 'pagehide' || page?.visibilityState !== 'hidden') {
      hidden?.abort()
      hidden = undefined
    } else if (!hidden) {
      hidden = new AbortController()
      queue(`chat-session:${String(endpoint)}:${session.appId}:${user}`, hidden.signal, locks)
    }
  }
  session.addEventListener('state', update)
  session.addEventListener('pending', wake)

  return {
    update() {
      if (locks) for (const type of pageEvents) addEventListener(type, update)
      update()
    },
    async awake(call) {
      calls += 1
      wake()
      try {
        return await call()
      } finally {
        calls -= 1
      }
    },
  }
}
