import { engineRules } from '../../engine/internal.js'
import type { UserRef } from '../../engine/index.js'
import type { PushTest } from '../../protocol/internal.js'
import type { App } from '../apps/app.js'
import { pushPayload } from './payload.js'
import { deliver, HANDED_OVER_IN, pushToUser, type PushContext } from './push-user.js'

/** For how many users pushes run at once, and how many further users may wait. */
const MAX_RUNNING = 100
const MAX_WAITING = 10_000
/**
 * After a `push-due` event the engine names the user to no gateway until the event's lease (`engineRules.pushLease`) ends. If a user has
 * waited here for this many milliseconds, the lease is renewed.
 */
const RENEW_AFTER = 5_000

export type Pushes = ReturnType<typeof createPushes>

interface PushesContext extends Omit<PushContext, 'createdAt'> {
  /** Resolves with the apps by id, once the engine is open. */
  apps(): Promise<ReadonlyMap<string, App>>
}

/** A user whom a `push-due` event has named. */
interface Due {
  readonly user: UserRef
  /** When the latest `push-due` event of the user came, on the monotonic clock. */
  toldAt: number
  isRunning: boolean
}

/**
 * Sends pushes to the users whom the engine's `push-due` events name, at most one run for a user at a time. If too many users wait, further
 * events are dropped: the engine names the user again when the lease ends.
 */
export const createPushes = ({ apps, ...rest }: PushesContext) => {
  const { engine, log, metrics } = rest
  const context: PushContext = { ...rest, createdAt: Date.now() }
  /** The users whose pushes run and those who wait, in their order. */
  const users = new Map<string, Due>()
  const running = new Set<Promise<void>>()
  let isClosed = false

  metrics.onScrape(() => metrics.pushesQueued.set(users.size))

  const push = async ({ user, toldAt }: Due): Promise<void> => {
    const waited = performance.now() - toldAt
    // The lease has ended, so the engine may have named the user to another gateway.
    if (waited >= engineRules.pushLease) return
    const app = (await apps()).get(user.appId)
    // The app is in the config of another gateway only. The engine names the user again when the lease ends.
    if (!app) return
    if (waited > RENEW_AFTER)
      await engine.endPushes(user, [], (await engine.inbox(user)).offset, engineRules.pushLease)
    await pushToUser(context, app, user)
  }

  const run = async (key: string, due: Due): Promise<void> => {
    const { toldAt } = due
    try {
      await push(due)
    } catch (err) {
      if (!isClosed) log.warn({ appId: due.user.appId, err }, 'pushes of a user failed, and are tried again')
    }
    users.delete(key)
    // If another `push-due` came during the run, the run perhaps missed the new message.
    if (due.toldAt > toldAt) onDue(due.user)
  }

  const begin = (): void => {
    if (isClosed) return
    for (const [key, due] of users) {
      if (running.size >= MAX_RUNNING) return
      if (due.isRunning) continue
      due.isRunning = true
      const ran = run(key, due).finally(() => {
        running.delete(ran)
        begin()
      })
      running.add(ran)
    }
  }

  /** Called for the engine's event `push-due`. While this gateway closes, the users are only remembered, for `handOver`. */
  const onDue = (user: UserRef): void => {
    const key = `${user.appId}/${user.userId}`
    const known = users.get(key)
    if (known) known.toldAt = performance.now()
    else if (users.size < MAX_RUNNING + MAX_WAITING) {
      users.set(key, { user, toldAt: performance.now(), isRunning: false })
      begin()
    } else metrics.pushesDropped.inc()
  }

  return {
    onDue,
    /** Pushes a test notification to each of the user's devices, without retries. Resolves with null if the app has no `push`. */
    async test({ push }: App, user: UserRef): Promise<PushTest[] | null> {
      if (!push) return null
      const { offset, unread } = await engine.inbox(user)
      const text = pushPayload(
        user,
        { ...push.settings, content: 'full' },
        { offset, from: null, sender: null, body: 'This is a test.' },
        unread,
      )
      return Promise.all(
        (await engine.pushDevices(user)).map(async (device): Promise<PushTest> => {
          const sentAt = Date.now()
          const { result, failure } = await deliver(context, push, device, { user, from: null, sentAt, text })
          // Unlike `endPushes`, `endPushDevice` leaves the time of the user's next push as it is.
          if (result === 'gone') await engine.endPushDevice(user, device.id)
          return { result, error: failure?.error ?? null }
        }),
      )
    },
    /** Begins no more pushes, and resolves when all have ended. After `timeout` milliseconds the requests are aborted. */
    async close(timeout: number): Promise<void> {
      isClosed = true
      const timer = setTimeout(() => context.requests.close(), timeout)
      await Promise.all(running)
      clearTimeout(timer)
      context.requests.close()
    },
    /**
     * Called after `close`, right before the engine closes: gives back the leases of the users whose pushes have not begun, so that another
     * gateway soon pushes to them. Waits for the runs that `close` has cut off, which give back theirs.
     */
    async handOver(): Promise<void> {
      const now = performance.now()
      // After the end of a lease the engine may have named the user to another gateway.
      const held = [...users.values()].filter(
        ({ isRunning, toldAt }) => !isRunning && now - toldAt < engineRules.pushLease,
      )
      users.clear()
      await Promise.all([
        ...running,
        ...held.map(({ user }) => engine.endPushes(user, [], 0, HANDED_OVER_IN)),
      ])
    },
  }
}
