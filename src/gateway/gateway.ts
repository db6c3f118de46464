import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import {
  createEmbeddedEngine,
  createMemoryEngine,
  profileOf,
  type Engine,
  type Signal,
} from '../engine/index.js'
import { limits } from '../protocol/index.js'
import { createApp, type App } from './app.js'
import { parseConfig, type Env, type GatewayConfig, type Settings } from './config.js'
import { createConnection, type Connection, type Context } from './connection.js'
import { GatewayError } from './errors.js'
import { createHub } from './hub.js'
import { createLog, type Log } from './log.js'
import { peerOf } from './peer.js'
import { createRoutes } from './routes.js'
import { attach } from './server.js'

export interface GatewayOptions {
  /** Where `{ env: "NAME" }` and the overrides are read from. @default process.env */
  env?: Env | undefined
  /** @default JSON lines on standard error */
  log?: Log | undefined
}

export interface Gateway {
  /**
   * Answers the gateway's addresses (`/v1/…`, `/healthz`) on somebody's own HTTP server; what else is asked goes to the
   * listeners that the server had before. Start that server with `maxHeaderSize: 32_768` or more: a start rides in a header.
   */
  attach(server: Server): void
  /**
   * Makes an HTTP server of its own and listens as the config says. Resolves with the address, `http://HOST:PORT`.
   * Rejects with a `GatewayError` (`port-in-use`, `cannot-listen`, `bad-tls`), or an `EngineError`.
   */
  listen(): Promise<string>
  /** Resolves when the engine is open and connections are served; rejects with an `EngineError` when it can't be. */
  ready(): Promise<void>
  /** Ends every connection as `unavailable`, so that clients come again, and lets everything go. Closing twice is fine. */
  close(): Promise<void>
}

const engineOf = (settings: Settings['engine']): Engine =>
  settings.type === 'memory' ? createMemoryEngine() : createEmbeddedEngine({ path: settings.path })

const paths = /^\/(v1\/|healthz$)/

/**
 * Makes a gateway. Throws a `GatewayError` of code `bad-config` that lists everything that is wrong with the config.
 *
 *     const gateway = createGateway({ apps: { hF83jaq: { environment: 'test', secrets: ['a secret'] } } })
 *     console.log(await gateway.listen())
 */
export const createGateway = (config: GatewayConfig, options: GatewayOptions = {}): Gateway => {
  const parsed = parseConfig(config, options.env ?? process.env)
  if (!parsed.ok) throw new GatewayError('bad-config', parsed.problems.join('\n'))
  const settings = parsed.config
  const log = options.log ?? createLog()
  const engine = engineOf(settings.engine)
  const hub = createHub()
  const connections = new Set<Connection>()
  const life = new AbortController()
  const own: Server[] = []
  const respond = getRequestListener(createRoutes().fetch)
  let opened: Promise<ReadonlyMap<string, App>> | undefined

  const hear = (told: Signal): void => {
    switch (told.type) {
      case 'session-ended':
        return hub
          .of(told.session)
          .find(({ ref }) => ref.sessionId === told.session.sessionId)
          ?.end(told.code)
      case 'user-changed': {
        const user = { ...profileOf(told.user), id: told.user.userId }
        for (const session of hub.of(told.user)) session.send({ type: 'user', user })
      }
    }
  }

  const open = async (): Promise<ReadonlyMap<string, App>> => {
    await engine.open()
    engine.listen(hear, life.signal)
    const key = await engine.key()
    return new Map([...settings.apps].map(([appId, app]) => [appId, createApp(app, key)]))
  }

  const apps = (): Promise<ReadonlyMap<string, App>> => (opened ??= open())

  const context: Context = { settings, apps, engine, hub, log }

  const listenOn = (server: Server): Promise<void> => {
    const { host, port } = settings.listen
    return new Promise((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) =>
        reject(
          cause.code === 'EADDRINUSE'
            ? new GatewayError(
                'port-in-use',
                `Port ${port} on ${host} is in use: choose another, or 0 for a free one.`,
                { cause },
              )
            : new GatewayError('cannot-listen', `Can't listen on ${host}, port ${port}: ${cause.message}.`, {
                cause,
              }),
        ),
      )
      server.listen(port, host, resolve)
    })
  }

  const makeServer = (): Server => {
    const { tls } = settings.listen
    const base = { maxHeaderSize: limits.headers }
    if (!tls) return createServer(base)
    try {
      return createTlsServer({ ...base, cert: readFileSync(tls.cert), key: readFileSync(tls.key) })
    } catch (cause) {
      throw new GatewayError(
        'bad-tls',
        `The files that listen.tls names can't be used: ${(cause as Error).message}.`,
        { cause },
      )
    }
  }

  const gateway: Gateway = {
    attach(server) {
      apps().catch((err: unknown) => log.error({ err }, 'the engine does not open'))
      const { detach } = attach(server, {
        peerOf: (request: IncomingMessage) => peerOf(request, settings.listen.trustProxy),
        connect(wire, peer) {
          const connection = createConnection(context, wire, peer, () => connections.delete(connection))
          connections.add(connection)
          return connection
        },
        request(request: IncomingMessage, response: ServerResponse) {
          if (!paths.test(request.url ?? '')) return false
          void respond(request, response)
          return true
        },
      })
      life.signal.addEventListener('abort', detach, { once: true })
    },
    async ready() {
      await apps()
    },
    async listen() {
      await apps()
      const server = makeServer()
      gateway.attach(server)
      await listenOn(server)
      own.push(server)
      const { address, port, family } = server.address() as AddressInfo
      return `${settings.listen.tls ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
    },
    async close() {
      if (life.signal.aborted) return
      for (const connection of connections) connection.end('unavailable')
      life.abort()
      await Promise.all(
        own.map((server) => {
          const closed = new Promise((resolve) => server.close(resolve))
          server.closeIdleConnections()
          return closed
        }),
      )
      await opened?.then(
        () => engine.close(),
        () => undefined,
      )
    },
  }
  return gateway
}
