import type { Server } from 'node:http'
import type { Engine } from '../engine/index.js'
import type { NewMessage } from '../protocol/index.js'
import type { RestCalls, Sent } from '../rest-client/index.js'
import type { ConfigSource, Env, Reloaded } from './config/types.js'
import type { Log } from './log.js'

export interface GatewayOptions {
  /** Environment variables, for secrets as `{ env: "NAME" }` and for `PORT`. @default process.env */
  env?: Env | undefined
  /** @default JSON lines on standard error */
  log?: Log | undefined
  /**
   * An engine of your own, in place of `config.engine`. The gateway opens the engine, listens to its events, and closes it at the end. So
   * no second gateway may use the same object. The engine must pass the tests of `chat-session/engine/suite`.
   * @default the engine of `config.engine`
   */
  engine?: Engine | undefined
  /**
   * For processes that serve one port together, such as those of `serve --workers`. The gateway calls `metrics` once. `collect` resolves
   * with this gateway's metrics in the form of prom-client's `getMetricsAsJSON`. The function that `metrics` returns makes the text of
   * `/metrics` for all processes.
   * @default only this gateway's metrics
   */
  metrics?: ((collect: () => Promise<object[]>) => () => Promise<string>) | undefined
}

export interface Gateway {
  /**
   * Serves the gateway's paths on your HTTP server: `/v1/session`, its `/stream`, `/frames` and `/send`, `/v1/chat-session…`, `/v1/errors`,
   * `/v1/apps/…`, `/v1/openapi.json`, `/v1/asyncapi.json`, `/healthz` and `/readyz`. Other requests and upgrades go to the listeners that
   * the server had before. So attach the gateway last. Create the server with `maxHeaderSize: 32_768` or more: the start of a session is
   * sent in a header. `attach` does not work on Bun, where `listen()` uses Bun's own server. Throws a `GatewayError` of code `closed`
   * after `close()`.
   */
  attach(server: Server): void
  /**
   * Opens the engine, and listens on the addresses of `config.listen` and `config.admin`. Resolves with the URL of `config.listen`, without
   * a path: `http://HOST:PORT`, `https://HOST:PORT` with `listen.tls`, or `unix:PATH` with `listen.path`. A second call resolves with the same URL. Rejects
   * with a `GatewayError` (`port-in-use`, `cannot-listen`, `bad-tls`, `closed`) or an `EngineError`. After a rejection it can be called
   * again.
   */
  listen(): Promise<string>
  /**
   * Listens on the address of `config.admin`, as `listen()` and `attach()` do. Resolves with the address, `http://HOST:PORT`; with null if
   * the config has no `admin`. Rejects as `listen()` does.
   */
  listenAdmin(): Promise<string | null>
  /** Opens the engine, and resolves when it is open. Rejects with a `GatewayError` of code `closed` or an `EngineError`. */
  ready(): Promise<void>
  /**
   * Returns a client of the REST API for an app, as `chat-session/rest` does, but without a network. With it you log users out, see who is
   * online, and send and read messages. Its calls need no token, do not count against `limits.restPerSecond`, and are not in the audit log.
   * They reject with a `RestError`, as over the network. If the engine can't be opened, they reject as `ready()` does.
   */
  client(appId: string): RestCalls
  /**
   * Sends a message from the app's backend, or in the name of the user `from`, as `client(appId).sendMessage(…)` does. A recipient or
   * sender who does not exist is created, unless the id is a guest's. Resolves when the message is durable. Within `sendWindow`, a second
   * call with the same `id` and content stores nothing, and resolves with the same result.
   */
  publish(message: NewMessage & { appId: string; from?: string | number | undefined }): Promise<Sent>
  /**
   * Applies these parts of another config, without ending a session: secrets and all other rules of apps, new apps, limits, admin tokens,
   * and the TLS certificate, whose files are read again. Until a restart, the config's other keys keep their values, and removed apps stay.
   * A session whose token was signed with a removed secret goes on until its credentials expire. Rejects with a `GatewayError`
   * (`bad-config`, `bad-tls`, `closed`), an `EngineError`, or the error of a function that reads the config. If it rejects, nothing has
   * changed.
   */
  reload(config: ConfigSource): Promise<Reloaded>
  /**
   * Drains and closes the gateway: refuses new sessions, answers the frames that clients have sent (for `drainTime` at most), and closes
   * every connection as `unavailable`, so that clients reconnect and resume their sessions. A server to which the gateway is attached keeps
   * running. Resolves when everything is closed. A second call resolves when the first does. If the engine can't close, everything else
   * closes, and then the call rejects with the engine's error.
   */
  close(): Promise<void>
}
