import { EngineError, type Engine } from '../../engine/index.js'
import { VERSION } from '../../protocol/index.js'
import type { Settings } from '../config/parse.js'
import type { Connection } from '../connection/connection.js'
import type { Readiness } from '../http/readiness.js'
import type { ConnectionLimits } from '../limits/connection-limits.js'
import type { StartQueue } from '../limits/start-queue.js'
import { countVersions } from '../metrics/client-versions.js'
import type { Metrics } from '../metrics/metrics.js'
import { processRegistry } from '../metrics/process-metrics.js'
import type { Watchers } from '../sessions/presence/watchers.js'
import { sendBuffers } from '../transports/send-buffers.js'
import type { Dispatcher } from '../webhooks/dispatcher.js'
import { withTimeout } from '../../util/with-timeout.js'

/** The parts of a gateway whose state the gauges show. */
interface ScrapeContext {
  settings: Settings
  engine: Pick<Engine, 'usage'>
  dispatcher: Pick<Dispatcher, 'measure'>
  connectionLimits: Pick<ConnectionLimits, 'size'>
  startQueue: Pick<StartQueue, 'waiting'>
  watchers: Pick<Watchers, 'size'>
  connections(): Iterable<Pick<Connection, 'status'>>
  readiness: () => Promise<Readiness>
}

/**
 * Milliseconds from the beginning of a scrape until the engine must have answered. The readiness check may take five of these seconds. The
 * time is shorter than `COLLECT_TIMEOUT` of cli/workers: a worker that answers later is missing in the scrape.
 */
const ENGINE_TIMEOUT = 6_000

const quotas = ['inboxes', 'bytes', 'guests'] as const
const states = ['opening', 'live', 'draining'] as const
const transports = ['websocket', 'stream'] as const

/**
 * If the first count of a series must already fire an alert, creates the series with the value 0. If a series began with its first count,
 * Prometheus would see no increase. Each scrape calls this function, because a reload may add apps and webhooks.
 */
const beginAtZero = (metrics: Metrics, { apps, admin }: Pick<Settings, 'apps' | 'admin'>): void => {
  for (const result of ['applied', 'failed']) metrics.reloads.inc({ result }, 0)
  for (const code of ['locked', 'unwritable', 'unavailable', 'reported'])
    metrics.engineErrors.inc({ code }, 0)
  if (admin) metrics.limitsReached.inc({ app: '', limit: 'logins' }, 0)
  for (const { appId: app, webhooks, push } of apps.values()) {
    if (webhooks)
      for (const result of ['delivered', 'retry', 'failed']) metrics.webhooks.inc({ app, result }, 0)
    for (const type of webhooks?.events ?? []) metrics.webhooksDropped.inc({ app, type }, 0)
    if (push)
      for (const result of ['delivered', 'failed', 'gone', 'given-up']) metrics.pushes.inc({ app, result }, 0)
  }
}

/** Sets the gauges of connections, and returns the number of each app's sessions. */
const countConnections = (metrics: Metrics, context: ScrapeContext): ReadonlyMap<string, number> => {
  const count = () => ({ opening: 0, live: 0, draining: 0, closed: 0 })
  const counts = { websocket: count(), stream: count() }
  const sessions = new Map<string, number>()
  const versions: string[] = []
  for (const { status } of context.connections()) {
    const { state, transport, session } = status
    counts[transport][state] += 1
    if (state === 'opening' || !session) continue
    const { appId } = session.user
    sessions.set(appId, (sessions.get(appId) ?? 0) + 1)
    versions.push(session.clientVersion)
  }
  metrics.clients.reset()
  for (const [version, count] of countVersions(versions)) metrics.clients.set({ version }, count)
  for (const transport of transports)
    for (const state of states) metrics.connections.set({ state, transport }, counts[transport][state])
  return sessions
}

/** Sets an app's gauges from the engine. If the engine does not answer, the gauges are left out. */
const measureUsage = async (
  metrics: Metrics,
  engine: ScrapeContext['engine'],
  app: string,
  active: number,
): Promise<void> => {
  const usage = await engine.usage(app).catch((error: unknown) => {
    if (!(error instanceof EngineError)) throw error
    metrics.engineErrors.inc({ code: error.code })
  })
  if (!usage) return
  metrics.sessions.set({ app, state: 'detached' }, Math.max(0, usage.sessions - active))
  metrics.users.set({ app }, usage.users)
  metrics.guests.set({ app }, usage.guests)
  metrics.inboxes.set({ app }, usage.inboxes)
  metrics.inboxBytes.set({ app }, usage.bytes)
}

/** Sets the gauges from the gateway's state before each scrape, and creates the series that must begin at 0. */
export const createScrape = (metrics: Metrics, context: ScrapeContext) => {
  const { settings, engine, dispatcher, connectionLimits, startQueue, watchers } = context
  metrics.info.set({ version: VERSION }, 1)

  /** Sets the gauges that the engine must be asked for. `active` has the number of each app's connected sessions. */
  const measureEngine = async (active: ReadonlyMap<string, number>): Promise<void> => {
    for (const app of settings.apps.keys()) await measureUsage(metrics, engine, app, active.get(app) ?? 0)
    await dispatcher.measure()
  }

  metrics.onScrape(async () => {
    const deadline = performance.now() + ENGINE_TIMEOUT
    beginAtZero(metrics, settings)
    const readiness = await context.readiness()
    metrics.ready.set(Number(readiness === 'ready'))
    metrics.sockets.set(connectionLimits.size())
    metrics.socketsLimit.set(settings.limits.connections)
    metrics.startsWaiting.set(startQueue.waiting())
    metrics.watchedUsers.set(watchers.size)
    const { bytes, sockets, terminated } = sendBuffers.state
    metrics.waitingBytes.set(bytes)
    metrics.slowReaders.set(sockets)
    metrics.slowReadersClosed.reset()
    metrics.slowReadersClosed.inc(terminated)
    for (const gauge of [
      metrics.sessions,
      metrics.users,
      metrics.guests,
      metrics.inboxes,
      metrics.inboxBytes,
      metrics.webhooksPending,
      metrics.webhooksOldest,
    ])
      gauge.reset()
    const sessions = countConnections(metrics, context)
    for (const { appId: app, limits } of settings.apps.values()) {
      metrics.sessions.set({ app, state: 'active' }, sessions.get(app) ?? 0)
      for (const quota of quotas) metrics.quota.set({ app, quota }, limits[quota])
    }
    // If the engine hangs, it must not delay the scrape. The engine may also begin to hang after its check.
    if (readiness === 'unavailable') return
    const late = new Error('the engine hangs')
    const left = Math.max(0, deadline - performance.now())
    await withTimeout(measureEngine(sessions), left, () => late).catch((error: unknown) => {
      if (error !== late) throw error
    })
  })

  return {
    /** Returns all metrics in Prometheus' text format. */
    text: async (): Promise<string> => (await metrics.scrape()) + (await processRegistry().metrics()),
    /** Returns all metrics as prom-client's objects. */
    collect: async (): Promise<object[]> => [
      ...(await metrics.collect()),
      ...(await processRegistry().getMetricsAsJSON()),
    ],
  }
}
