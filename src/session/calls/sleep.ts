import { infoOf, isAsleep, isOver, isPageLeft } from '../machine/selectors.js'
import type { UnreadNews } from '../machine/state.js'
import { ifPossible } from '../util/if-possible.js'
import { isPage } from '../util/runtime.js'
import type { CallsHost } from './host.js'

/*
 * A user's hidden pages queue for one Web Lock. The page that has the lock stays connected, for notifications and the unread count. The
 * other pages close their connections, and get the count from that page.
 */

/** Milliseconds after which a hidden page tries to sleep, and between two tries. */
const SLEEP_AFTER = 60_000

const pageEvents = ['visibilitychange', 'pagehide', 'pageshow']

interface Sleep {
  /** Called for each start and each new connection. */
  update(): void
  /**
   * Tells the pages that sleep how many messages are unread, and the latest read mark. Called for each `unread` frame, because the mark may
   * change without the count.
   */
  tell(): void
  /** Wakes the page, and keeps it awake until the call has settled. */
  awake<T>(call: () => Promise<T>): Promise<T>
}

export const createSleep = (host: CallsHost): Sleep => {
  const { session, endpoint, runner, outbox } = host
  // Web Locks are absent over plain http. Without them no page knows whether another one stays connected, so no page sleeps.
  const locks = host.sleep && isPage ? (navigator as Partial<Navigator>).locks : undefined
  /** How many calls have not settled. */
  let calls = 0
  /** Undefined unless the page is hidden. Aborts when the page is shown or left, or its session is over. */
  let hidden: AbortController | undefined
  /** The channel to the pages that sleep; undefined unless this is the hidden page that stays connected. */
  let toSleepers: BroadcastChannel | undefined

  const wake = (): void => {
    if (isAsleep(runner.state())) runner.feed({ type: 'wake' })
  }

  const tell = (): void => {
    const info = infoOf(runner.state())
    if (!info) return
    const { unread, readOffset, with: peer, readOffsetWith } = info
    const news: UnreadNews = {
      unread,
      ...(readOffset !== undefined && { readOffset }),
      ...(peer !== undefined && { with: peer }),
      ...(readOffsetWith !== undefined && { readOffsetWith }),
    }
    toSleepers?.postMessage(news)
  }

  /** Waits in the queue of the hidden pages until `signal` aborts. */
  const queue = (name: string, signal: AbortSignal, locks: LockManager): void => {
    const channel = ifPossible(() => new BroadcastChannel(name))
    // If the browser forbids storage, it may forbid channels, too. Then no page could tell this one what is unread, so it stays connected.
    if (!channel) return
    channel.onmessage = ({ data }: MessageEvent<UnreadNews>) => runner.feed({ type: 'told', news: data })
    const timer = setInterval(() => {
      const isBusy = calls > 0 || outbox.pending() > 0
      if (!toSleepers && !isBusy && runner.state().name === 'active')
        runner.feed({ type: 'leave', phase: 'asleep' })
    }, SLEEP_AFTER)
    const left = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        clearInterval(timer)
        toSleepers = undefined
        channel.close()
        resolve()
      })
    })
    const stay = (): Promise<void> => {
      toSleepers = channel
      wake()
      tell()
      return left
    }
    locks
      .request(name, { signal }, stay)
      // If a sandbox forbids locks, each page stays connected. An abort of `signal` comes here, too.
      .catch(() => (signal.aborted ? undefined : stay()))
  }

  const update = (event?: Event): void => {
    if (!locks) return
    const userId = infoOf(runner.state())?.user.id
    // When a page is left, `pagehide` comes first, and `visibilitychange` after it. By then the state says that the page was left.
    const isLeft = event?.type === 'pagehide' || isPageLeft(runner.state())
    if (isOver(runner.state())) for (const type of pageEvents) removeEventListener(type, update)
    // A lock or a channel that is open after `pagehide` keeps the page out of the back/forward cache.
    if (userId === undefined || isLeft || document.visibilityState !== 'hidden') {
      hidden?.abort()
      hidden = undefined
    } else if (!hidden) {
      hidden = new AbortController()
      queue(`chat-session:${endpoint}:${session.appId}:${userId}`, hidden.signal, locks)
    }
  }
  session.addEventListener('state', update)
  session.addEventListener('unread', tell)
  session.addEventListener('pending', wake)

  return {
    update() {
      if (locks) for (const type of pageEvents) addEventListener(type, update)
      update()
    },
    tell,
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
