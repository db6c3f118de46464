import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import { createEmbeddedEngine, createMemoryEngine, type Engine } from '../engine/index.js'
import { createRateLimiter } from './limits/rate-limiter.js'
import { createApp, type App } from './auth/app.js'
import { parseConfig, type ConfigInput, type Env, type GatewayConfig, type Settings } from './config/parse.js'
import { Connection, type ConnectionContext } from './connection/connection.js'
import { GatewayError } from './errors.js'
import { createHub } from './sessions/hub.js'
import { createLog, type Log } from './log.js'
import { createOwnServer, type OwnServer } from './transports/own-server.js'
import { peerOf } from './http/peer.js'
import { createPublish, type Publication, type Published } from './messages/publish.js'
import { createRoutes, ownsPath } from './http/routes.js'
import { attach, CLOSE_TIMEOUT } from './transports/node-ws.js'

export interface GatewayOptions {
  /** Where `{ env: "NAME" }` and the overrides are read from. @default process.env */
  env?: Env | undefined
  /** @default JSON lines on standard error */
  log?: Log | undefined
  /**
   * An engine of your own, in place of the one that `config.engine` describes. The gateway opens it, listens to it and, when
   * the gateway closes, closes it: give it to no second gateway. `chat-session/engine/suite` has the tests that it must pass.
   * @default the engine of `config.engine`
   */
  engine?: Engine | undefined
}

export interface Gateway {
  /**
   * Answers the gateway's addresses (`/v1/session`, `/v1/chat-session.js`, `/v1/errors`, `/v1/apps/…`, `/healthz`) on
   * somebody's own HTTP server; what else is asked goes to the listeners, for requests and for upgrades, that the server
   * had before: attach last. Start that server with `maxHeaderSize: 32_768` or more: a start rides in a header. Throws a
   * `GatewayError` of code `closed` on a gateway that was closed.
   */
  attach(server: Server): void
  /**
   * Makes an HTTP server of its own and listens as the config says. Resolves with the address, `http://HOST:PORT`, again
   * when it listens already. Rejects with a `GatewayError` (`port-in-use`, `cannot-listen`, `bad-tls`, `closed`), or an
   * `EngineError`; it may be called again then.
   */
  listen(): Promise<string>
  /** Resolves when the engine is open and connections are served; rejects with an `EngineError` when it can't be. */
  ready(): Promise<void>
  /**
   * Sends a message of the app's backend, or in a user's name. Resolves when it is durable; the same `id` with the same
   * content again answers the same. Rejects with a `GatewayError` (`unknown-app`, `bad-request`, `too-large`, `conflict`,
   * `unavailable`, `closed`), or an `EngineError`.
   */
  publish(publication: Publication): Promise<Published>
  /**
   * Drains: takes no new sessions, answers what clients have sent (for `drainTime` at most), holds their sessions and
   * ends every connection as `unavailable`, so that clients come again, and lets everything go: a server it was attached
   * to runs on without it. Resolves when all is let go; closing twice is fine.
   */
  close(): Promise<void>
}

/** Milliseconds over which those who are sent away come again: so many, and so many more for each of them. */
const SPREAD = 1_000
const SPREAD_EACH = 5
const LONGEST_SPREAD = 30_000

const engineOf = (settings: Settings['engine'], log: Log): Engine => {
  const onError = (err: unknown): void => log.error({ err }, 'the engine has trouble')
  return settings.type === 'memory'
    ? createMemoryEngine({ onError })
    : createEmbeddedEngine({ path: settings.path, onError })
}

/**
 * Makes a gateway. Throws a `GatewayError` of code `bad-config` that lists everything that is wrong with the config.
 *
 *     const gateway = createGateway({ apps: { hF83jaq: { environment: 'test', secrets: ['a secret'] } } })
 *     console.log(await gateway.listen())
 */
export const createGateway = (config: GatewayConfig, options: GatewayOptions = {}): Gateway => {
  // The documented type must be one that the schema takes.
  const parsed = parseConfig(config satisfies ConfigInput, options.env ?? process.env)
  if (!parsed.ok) throw new GatewayError('bad-config', parsed.problems.join('\n'))
  const settings = parsed.config
  const log = options.log ?? createLog()
  const engine = options.engine ?? engineOf(settings.engine, log)
  const hub = createHub()
  const connections = new Set<Connection>()
  const life = new AbortController()
  // For relative requests without a Host header (HTTP/1.0, as simple health checks speak it) any name does.
  const respond = getRequestListener(createRoutes(log, () => !draining).fetch, {
    hostname: 'localhost',
    overrideGlobalObjects: false,
  })
  let draining = false
  let whenEmpty: (() => void) | undefined
  /** What remains for sockets to close when everybody has been sent away, in milliseconds. */
  const farewell = Math.min(CLOSE_TIMEOUT, settings.drainTime / 2)
  let opened: Promise<ReadonlyMap<string, App>> | undefined
  let listening: Promise<string> | undefined
  let closing: Promise<void> | undefined
  let own: OwnServer | undefined

  const open = async (): Promise<ReadonlyMap<string, App>> => {
    await engine.open()
    const key = await engine.key()
    for (const { appId, retention } of settings.apps.values()) await engine.retain(appId, retention)
    return new Map([...settings.apps].map(([appId, app]) => [appId, createApp(app, key)]))
  }

  const refuseClosed = (): void => {
    if (life.signal.aborted) throw new GatewayError('closed', 'The gateway is closed: make another.')
  }

  /** The apps by id, once the engine is open. One that doesn't open is tried again by whoever asks next. */
  const apps = async (): Promise<ReadonlyMap<string, App>> => {
    refuseClosed()
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      refuseClosed()
      throw error
    })
    return opened
  }

  const context: ConnectionContext = {
    settings,
    apps,
    engine,
    hub,
    log,
    rateLimiter: createRateLimiter(),
    retryAfter: () => (draining ? retryAfter() : null),
    onClosed(connection) {
      connections.delete(connection)
      if (connections.size === 0) whenEmpty?.()
    },
  }

  const publish = createPublish(settings, engine)

  const start = async (): Promise<string> => {
    await apps()
    const made = createOwnServer(settings, log)
    gateway.attach(made.server)
    const address = await made.listen()
    if (life.signal.aborted) await made.close(farewell)
    refuseClosed()
    own = made
    return address
  }

  /** Spreads those who come again, so that they don't all come at once. */
  const retryAfter = (): number =>
    Math.ceil(
      Math.random() *
        // Whoever comes last must find the session still held, where any is.
        Math.min(
          settings.resumeWindow / 2 || LONGEST_SPREAD,
          LONGEST_SPREAD,
          SPREAD + SPREAD_EACH * connections.size,
        ),
    )

  const drain = async (): Promise<void> => {
    draining = true
    for (const connection of connections) connection.drain(retryAfter())
    const patience = new AbortController()
    whenEmpty = () => patience.abort()
    // An abort only ends the wait.
    if (connections.size > 0)
      await sleep(settings.drainTime - farewell, undefined, patience).catch(() => undefined)
    for (const connection of connections) connection.end('unavailable', undefined, retryAfter())
  }

  const shut = async (): Promise<void> => {
    await drain()
    life.abort()
    // An engine that is being opened stops trying, and a listen under way stops what it has started.
    const closed = engine.close()
    await listening?.catch(() => undefined)
    await own?.close(farewell)
    await closed
  }

  engine.listen((event) => hub.dispatch(event), life.signal)

  const gateway: Gateway = {
    attach(server) {
      refuseClosed()
      apps().catch((err: unknown) => log.error({ err }, 'the engine does not open'))
      const { detach } = attach(server, {
        owns: ownsPath,
        peerOf: (request: IncomingMessage) => peerOf(request, settings.listen.trustProxy),
        connect(transport, peer) {
          const connection = new Connection(context, transport, peer)
          connections.add(connection)
          return connection
        },
        request: (request: IncomingMessage, response: ServerResponse) => void respond(request, response),
      })
      life.signal.addEventListener('abort', detach, { once: true })
    },
    async ready() {
      await apps()
    },
    async publish(publication) {
      await apps()
      return publish(publication)
    },
    listen() {
      listening ??= start().catch((error: unknown) => {
        listening = undefined
        throw error
      })
      return listening
    },
    close() {
      closing ??= shut()
      return closing
    },
  }

  return gateway
}
