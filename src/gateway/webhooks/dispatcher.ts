import type { WebhookQueue } from '../../engine/index.js'
import type { DeliverySummary } from '../../protocol/internal.js'
import type { AppSettings } from '../config/parse.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Tracing } from '../tracing/tracing.js'
import { AppDispatcher } from './app-dispatcher.js'
import type { SignedTarget } from '../outbound/outbound-request.js'
import { createRequestMeter } from '../outbound/request-meter.js'

/** How many deliveries of each app are listed for operators. */
const MAX_LISTED = 200

/** Delivers the webhook events of all apps. */
export type Dispatcher = ReturnType<typeof createDispatcher>

export const createDispatcher = (queue: WebhookQueue, log: Log, tracing: Tracing, metrics: Metrics) => {
  const dispatchers = new Map<string, AppDispatcher>()
  let isClosed = false
  const listed = new Map<string, DeliverySummary[]>()
  /** The dispatchers that are closing, because a reload removed the app's webhooks or the gateway closes. */
  const closing = new Set<Promise<void>>()

  const onDelivery = (appId: string, delivery: DeliverySummary): void => {
    const { id, type, status, attempt, duration, result } = delivery
    log.debug({ appId, eventId: id, type, status, attempt, duration, result }, 'webhook sent')
    const list = listed.get(appId) ?? []
    listed.set(appId, list)
    list.push(delivery)
    if (list.length > MAX_LISTED) list.shift()
  }

  const onResult = (appId: string, result: DeliverySummary['result']): void =>
    metrics.webhooks.inc({ app: appId, result })

  const remove = (appId: string, dispatcher: AppDispatcher, timeout = 0): Promise<void> => {
    dispatchers.delete(appId)
    const closed = dispatcher.close(timeout).finally(() => closing.delete(closed))
    closing.add(closed)
    return closed
  }

  const add = (appId: string, target: SignedTarget): void => {
    const meter = createRequestMeter(metrics, appId, 'webhook')
    dispatchers.set(
      appId,
      new AppDispatcher(appId, target, { queue, log, meter, tracing, onDelivery, onResult }),
    )
  }

  return {
    /** Sets the apps, and delivers their pending events. Called when the engine is open, and after each reload of the config. */
    configure(apps: ReadonlyMap<string, Pick<AppSettings, 'webhooks'>>): void {
      // The engine may open while the gateway closes. Then nothing is delivered.
      if (isClosed) return
      for (const [appId, dispatcher] of dispatchers)
        if (!apps.get(appId)?.webhooks) void remove(appId, dispatcher)
      for (const [appId, { webhooks }] of apps) {
        if (!webhooks) continue
        const known = dispatchers.get(appId)
        if (known) known.update(webhooks)
        else add(appId, webhooks)
      }
      for (const dispatcher of dispatchers.values()) dispatcher.wake()
    },
    /** Sets the gauges of pending events from the engine. Called at each scrape. */
    async measure(): Promise<void> {
      for (const app of dispatchers.keys())
        try {
          const { pending, oldestAt } = await queue.pendingSummary(app)
          const age = oldestAt === null ? 0 : Math.max(0, Date.now() - oldestAt)
          metrics.webhooksPending.set({ app }, pending)
          metrics.webhooksOldest.set({ app }, age / 1_000)
        } catch (err) {
          // The scrape goes on without these metrics, because the other metrics are needed most while the engine is down.
          log.warn({ appId: app, err }, "the engine can't say how many webhooks are pending")
        }
    },
    /** Called for the engine's event `webhooks-due`. */
    wake: (appId: string): void => dispatchers.get(appId)?.wake(),
    /** Returns the latest deliveries, the newest first. */
    deliveries: (appId: string): readonly DeliverySummary[] => (listed.get(appId) ?? []).toReversed(),
    /** Sends an event of type `test`, without retries. Resolves with null if the app has no webhooks. */
    test: async (appId: string): Promise<DeliverySummary | null> =>
      (await dispatchers.get(appId)?.test()) ?? null,
    /** Delivers an event that was given up. Resolves with false if there is no such event. */
    async replay(appId: string, userId: string, eventId: string): Promise<boolean> {
      const isReplayed = await queue.replayEvent(appId, userId, eventId)
      if (isReplayed) dispatchers.get(appId)?.wake()
      return isReplayed
    },
    /**
     * Takes no more events, and resolves when the deliveries of those that were taken have ended. After `timeout` milliseconds they are
     * aborted, and their events stay pending.
     */
    async close(timeout: number): Promise<void> {
      isClosed = true
      for (const [appId, dispatcher] of dispatchers) void remove(appId, dispatcher, timeout)
      await Promise.all(closing)
    },
  }
}
