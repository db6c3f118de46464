import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { after } from 'node:test'
import { createMemoryEngine, type Engine } from '../../../src/engine/index.js'
import { createTracer } from '../../../src/gateway/connection/tracer.js'
import { createStartQueue } from '../../../src/gateway/limits/start-queue.js'
import { createApp, type App } from '../../../src/gateway/apps/app.js'
import type { AppLimitsConfig } from '../../../src/gateway/config/types.js'
import { parseConfig } from '../../../src/gateway/config/parse.js'
import { Connection } from '../../../src/gateway/connection/connection.js'
import { Watchers } from '../../../src/gateway/sessions/presence/watchers.js'
import { createHub } from '../../../src/gateway/sessions/hub.js'
import { createLog } from '../../../src/gateway/log.js'
import { loadOpenTelemetry } from '../../../src/gateway/open-telemetry.js'
import { createTracing } from '../../../src/gateway/tracing/tracing.js'
import { createMetrics } from '../../../src/gateway/metrics/metrics.js'
import { createSendAuthorizer } from '../../../src/gateway/messages/send-authorizer.js'
import { createKnownProfiles } from '../../../src/gateway/messages/known-profiles.js'
import { createMessageTurns } from '../../../src/gateway/messages/message-turns.js'
import { attach } from '../../../src/gateway/transports/node-ws.js'
import { createStreams } from '../../../src/gateway/transports/stream/streams.js'
import type { Transport } from '../../../src/gateway/connection/transport.js'
import type { Peer } from '../../../src/gateway/auth/authentication.js'
import type { Slot } from '../../../src/gateway/limits/connection-limits.js'
import { testApp } from '../gateway.js'

/** Assembles a gateway from its parts around a changed memory engine, so that a test can read the state of the parts. */
export const assemble = async (
  change: (engine: Engine) => Partial<Engine>,
  startQueue = createStartQueue(),
  limits: AppLimitsConfig = { requestsPerSecond: 1_000_000 },
  app: Parameters<typeof testApp>[0] = {},
) => {
  const parsed = parseConfig(
    {
      startTimeout: 300,
      resumeWindow: 0,
      apps: { app: testApp({ limits, ...app }) },
    },
    {},
  )
  if (!parsed.ok) throw new Error(parsed.problems.join())
  const memory = createMemoryEngine()
  await memory.open()
  const changed = change(memory)
  const engine = new Proxy(memory, {
    get: (_, name: keyof Engine) => changed[name] ?? memory[name].bind(memory),
  })
  const key = await memory.key()
  const apps = new Map<string, App>(
    [...parsed.config.apps].map(([appId, app]) => [appId, createApp(app, key)]),
  )
  const hub = createHub()
  const connections = new Set<Connection>()
  const life = new AbortController()
  after(() => life.abort())
  const watchers = new Watchers(engine)
  engine.listen((event) => {
    if (event.type === 'presence') watchers.onEvent(event)
    else if (event.type !== 'push-due' && ('user' in event || 'session' in event)) hub.dispatch(event)
  }, life.signal)
  const [log, metrics] = [createLog({ level: 'fatal' }), createMetrics()]
  const context = {
    settings: parsed.config,
    apps: () => Promise.resolve(apps),
    engine,
    hub,
    watchers,
    metrics,
    startQueue,
    messageTurns: createMessageTurns(),
    profiles: createKnownProfiles({ engine, log, metrics }),
    tracing: createTracing(loadOpenTelemetry(createLog({ level: 'fatal' }))),
    node: 'node',
    reconnectWindow: () => 0,
    activity: null,
    tracer: createTracer(),
    retryAfter: () => null,
    onStarted: () => undefined,
    onClosed: (connection: Connection) => void connections.delete(connection),
    log,
    sendAuthorizer: createSendAuthorizer({ settings: parsed.config, engine, log, metrics }),
  }
  const connect = (transport: Transport, peer: Peer, slot: Slot): Connection => {
    const connection = new Connection(context, transport, peer, slot)
    connections.add(connection)
    return connection
  }
  const server = createServer()
  attach(server, {
    owns: () => true,
    startTimeout: 10_000,
    countSocket: (_, __, { address }) => ({
      refusal: undefined,
      evict: () => undefined,
      remoteAddress: address,
      address: undefined,
      hasSession: false,
      isReleased: false,
    }),
    releaseSlot: () => undefined,
    peerOf: () => ({ origin: null, address: 'here' }),
    request: (_, response) => response.end(),
    connect,
    openStream: createStreams({ settings: parsed.config, engine, connect, signal: life.signal }).open,
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => server.close())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connect,
    connections,
    hub,
    watchers,
    engine: memory,
    /** Returns the bytes that wait in this process for clients, since the kernel takes no more. */
    bufferedBytes: () => [...sockets].reduce((bytes, { writableLength }) => bytes + writableLength, 0),
  }
}
