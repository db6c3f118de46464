import { hostname } from 'node:os'
import { createAdminServer } from './admin/admin-server.js'
import { createApiCalls } from './admin/api/calls.js'
import { createAudit } from './admin/audit.js'
import { createCharts } from './admin/charts.js'
import type { App } from './apps/app.js'
import { createConnectionLimits, type Slot } from './limits/connection-limits.js'
import { createRateLimiter } from './limits/rate-limiter.js'
import { createStartQueue } from './limits/start-queue.js'
import type { Peer } from './auth/authentication.js'
import { createKeySets } from './auth/key-sets.js'
import { EXPOSED, exposedTestApps } from './config/exposed.js'
import { parseOrThrow } from './config/parse.js'
import type { GatewayConfig } from './config/types.js'
import { Connection, type ConnectionContext } from './connection/connection.js'
import { createTracer } from './connection/tracer.js'
import type { Transport } from './connection/transport.js'
import { watchClock } from './lifecycle/clock-watch.js'
import { createEngine } from './lifecycle/engines/create-engine.js'
import { createDrain, eachInTurns, reconnectWindow } from './lifecycle/drain.js'
import { GatewayError } from './errors.js'
import type { Gateway, GatewayOptions } from './gateway-types.js'
import { createActivity } from './sessions/activity.js'
import { createHub } from './sessions/hub.js'
import { Watchers } from './sessions/presence/watchers.js'
import { createPostedSends } from './sessions/messages/posted-sends.js'
import { createLog } from './log.js'
import { exportMetrics } from './metrics/export-metrics.js'
import { createMetrics } from './metrics/metrics.js'
import { loadOpenTelemetry } from './open-telemetry.js'
import { createRepeatLog } from './repeat-log.js'
import { createDoors } from './transports/doors.js'
import type { OwnServer } from './transports/own-server.js'
import { createStreamRoutes } from './transports/stream/stream-routes.js'
import { createStreams } from './transports/stream/streams.js'
import { peerOf } from './http/peer.js'
import { createKnownProfiles } from './messages/known-profiles.js'
import { createMessageTurns } from './messages/message-turns.js'
import { createSend } from './messages/send.js'
import { createSendAuthorizer } from './messages/send-authorizer.js'
import { createScrape } from './lifecycle/scrape.js'
import { createReadiness } from './http/readiness.js'
import { createRoutes } from './http/routes/routes.js'
import { createSendRoute } from './http/routes/send-route.js'
import { closeAfterLostLease } from './lifecycle/lost-lease.js'
import { OpenedApps } from './lifecycle/opened-apps.js'
import { createReload } from './lifecycle/reload.js'
import { closeTimeoutOf, shutDown } from './lifecycle/shut-down.js'
import { createInProcessClients } from './rest/in-process.js'
import { createRestRoutes } from './rest/routes.js'
import { createTracing } from './tracing/tracing.js'
import { createDispatcher } from './webhooks/dispatcher.js'
import { createPushRequests, internet, type PushNetwork } from './push/push-request.js'
import { createPushes } from './push/pushes.js'

/**
 * Creates a gateway. Throws a `GatewayError` of code `bad-config` whose message lists every error of the config.
 *
 *     const gateway = createGateway({ apps: { hF83jaq: { environment: 'test', secrets: ['a secret'] } } })
 *     console.log(await gateway.listen())
 */
export const createGateway = (config: GatewayConfig, options: GatewayOptions = {}): Gateway =>
  assembleGateway(config, options)

/**
 * Creates a gateway. Tests pass a `PushNetwork` of their own, so that pushes do not go to the internet. The package does not export this
 * function.
 */
export const assembleGateway = (
  config: GatewayConfig,
  options: GatewayOptions,
  pushNetwork?: PushNetwork,
): Gateway => {
  const env = options.env ?? process.env
  /** `reload` assigns to `settings`. So read a key when its value is needed, not before. */
  const settings = parseOrThrow(config, env)
  const lifetime = new AbortController()
  const fullLog = options.log ?? createLog()
  const log = createRepeatLog(fullLog, lifetime.signal)
  const audit = createAudit(fullLog, lifetime.signal)
  const metrics = createMetrics()
  const engine = options.engine ?? createEngine(settings, log, metrics)
  const hub = createHub()
  const watchers = new Watchers(engine)
  /** Only the console shows changes of sessions, so without `admin` none are kept. */
  const activity = settings.admin && createActivity()
  const tracer = createTracer()
  const keySets = createKeySets(log, lifetime.signal, metrics)
  const openTelemetry = loadOpenTelemetry(log)
  const tracing = createTracing(openTelemetry)
  const dispatcher = createDispatcher(engine, log, tracing, metrics)
  const rateLimiter = createRateLimiter()
  const startQueue = createStartQueue({ maxWait: settings.startTimeout * 0.8 })
  const messageTurns = createMessageTurns()
  const profiles = createKnownProfiles({ engine, log, metrics })
  const sendAuthorizer = createSendAuthorizer({ settings, engine, log, metrics })
  const connectionLimits = createConnectionLimits(
    () => settings.limits,
    rateLimiter,
    log,
    (limit) => metrics.limitsReached.inc({ app: '', limit }),
  )
  const connections = new Set<Connection>()
  const drain = createDrain(settings, connections)
  const readiness = createReadiness(() => drain.isDraining(), engine, log)
  let closing: Promise<void> | undefined

  const closedError = (): GatewayError =>
    new GatewayError('closed', 'The gateway is closed: create another one.')

  const assertNotClosed = (): void => {
    if (lifetime.signal.aborted) throw closedError()
  }

  const { signal } = lifetime
  const openedApps = new OpenedApps({ settings, engine, dispatcher, keySets, log, assertNotClosed, signal })
  const apps = (): Promise<Map<string, App>> => openedApps.open()

  /** What other parts are made of: each takes what it needs. */
  const parts = {
    ...{ settings, engine, log, metrics, apps, assertNotClosed, signal },
    ...{ hub, watchers, activity, tracer, keySets, tracing, dispatcher, connectionLimits, rateLimiter },
    ...{ startQueue, messageTurns, profiles, sendAuthorizer, readiness },
  }

  const pushes = createPushes({ ...parts, requests: createPushRequests(pushNetwork ?? internet) })

  const context: ConnectionContext = {
    ...parts,
    apps: () => openedApps.now ?? apps(),
    node: `${hostname()}:${process.pid}`,
    reconnectWindow: () => reconnectWindow(hub.size()),
    retryAfter: () => drain.retryAfter(),
    onStarted: (slot) => connectionLimits.start(slot),
    onClosed(connection) {
      connections.delete(connection)
      drain.onClosed()
    },
  }

  const connect = (transport: Transport, peer: Peer, slot: Slot): Connection => {
    const connection = new Connection(context, transport, peer, slot)
    connections.add(connection)
    return connection
  }
  const streams = createStreams({ ...parts, connect })

  const send = createSend(settings, engine, metrics)
  const client = createInProcessClients({ ...parts, send })
  const rest = createRestRoutes({
    ...parts,
    send,
    audit,
    addressOf: (request) => peerOf(request, settings.listen.trustProxy).address,
  })
  const routes = createRoutes(
    log,
    readiness,
    rest,
    createStreamRoutes(streams),
    createSendRoute({
      sendPosted: createPostedSends(parts),
      peerOf: (head) => peerOf(head, settings.listen.trustProxy),
    }),
  )
  const { attachTo, createServer } = createDoors({ ...parts, routes, streams, connect })

  const reload = createReload({
    ...parts,
    parse: (newConfig) => parseOrThrow(newConfig, env),
    ownServer: () => ownServer(),
  })

  const scrape = createScrape(metrics, { ...parts, connections: () => connections })
  void openTelemetry.then((api) => api && exportMetrics(metrics, api, log, signal))

  // A worker without an admin listener gives its metrics, too.
  const scrapeText = options.metrics?.(scrape.collect) ?? scrape.text
  const { admin } = settings
  const adminServer =
    admin &&
    activity &&
    createAdminServer(() => settings.admin ?? admin, {
      ...{ audit, log, readiness },
      limitsReached: metrics.limitsReached,
      scrape: scrapeText,
      calls: createApiCalls({
        ...parts,
        pushes,
        activity,
        charts: createCharts(metrics, hub.size, log, signal),
      }),
    })

  const listenAdmin = async (): Promise<string | null> => {
    assertNotClosed()
    return adminServer ? adminServer.listen() : null
  }

  /** The server of `listen()`, even if it has failed to listen: the next call tries again. */
  let server: OwnServer | undefined
  let listening: Promise<string> | undefined

  const listen = async (): Promise<string> => {
    // The admin listener starts first, so that it answers health checks while the engine opens.
    await listenAdmin()
    await apps()
    server ??= createServer()
    const address = await server.listen()
    // A `close()` that came meanwhile may still be in its drain, in which `apps()` still works.
    if (closing) {
      await server.close(closeTimeoutOf(settings))
      throw closedError()
    }
    const appIds = exposedTestApps(settings)
    if (appIds.length > 0) log.warn({ appIds }, EXPOSED)
    return address
  }

  /** Resolves with this server once it listens or has failed to; with undefined if there is none. */
  const ownServer = async (): Promise<OwnServer | undefined> => {
    await listening?.catch(() => undefined)
    return server
  }

  const close = (): Promise<void> =>
    shutDown({
      ...{ ...parts, drain, pushes, openTelemetry, adminServer, lifetime },
      closeServer: async (timeout) => (await ownServer())?.close(timeout()),
    })

  watchClock((milliseconds) => {
    log.warn(
      { milliseconds },
      "the machine's clock was set: sessions whose tokens have expired by the new time end",
    )
    eachInTurns(connections, (connection) => connection.onClockJump()).catch((err: unknown) =>
      log.error({ err }, 'expired sessions could not be ended after the clock was set'),
    )
  }, lifetime.signal)

  engine.listen((event) => {
    activity?.onEvent(event)
    if (event.type === 'webhooks-due') dispatcher.wake(event.appId)
    else if (event.type === 'webhook-dropped')
      metrics.webhooksDropped.inc({ app: event.appId, type: event.eventType })
    else if (event.type === 'push-due') pushes.onDue(event.user)
    else if (event.type === 'lease-lost') closeAfterLostLease(event, connections, drain, log)
    else if (event.type === 'presence') watchers.onEvent(event)
    else hub.dispatch(event)
  }, lifetime.signal)

  return {
    attach(server) {
      assertNotClosed()
      apps().catch((err: unknown) => {
        // `close()` ends a running `open()` of the engine, which is no failure.
        if (!lifetime.signal.aborted) log.error({ err }, 'the engine failed to open')
      })
      listenAdmin().catch((err: unknown) => log.error({ err }, 'the admin listener failed to start'))
      attachTo(server)
    },
    async ready() {
      await apps()
    },
    client,
    publish: ({ appId, to, from, id, body, data }) =>
      client(appId).sendMessage({ user: to, body: { id, from, body, data } }),
    reload,
    listenAdmin,
    async listen() {
      assertNotClosed()
      listening ??= listen().catch((error: unknown) => {
        listening = undefined
        throw error
      })
      return listening
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}
