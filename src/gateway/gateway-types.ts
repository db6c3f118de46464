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
   * An engine of your own, in place of `config.engine`. The gateway opens it, listens to it and, when the gateway closes, closes
   * it: give it to no second gateway. `chat-session/engine/suite` has the tests that it must pass.
   * @default the engine of `config.engine`
   */
  engine?: Engine | undefined
  /**
   * For processes that serve one port together, as `serve --workers` runs them. It is called once. Its argument collects this gateway's
   * metrics, as `getMetricsAsJSON` of prom-client returns them. The function that it returns makes the text of `/metrics` for all processes.
   * @default only this gateway's metrics
   */
  metrics?: ((collect: () => Promise<object[]>) => () => Promise<string>) | undefined
}

export interface Gateway {
  /**
   * Serves the gateway's paths on your HTTP server: `/v1/session` and what is below it, `/v1/chat-session.js`, `/v1/errors`, `/v1/apps/…`,
   * `/v1/openapi.json`, `/v1/asyncapi.json`, `/healthz` and `/readyz`. Other requests and upgrades go to the listeners that the server had
   * before, so attach last. Create the server with `maxHeaderSize: 32_768` or more: the start of a session is sent in a header. Not
   * supported on Bun, where `listen()` uses Bun's own server. Throws a `GatewayError` of code `closed` after `close()`.
   */
  attach(server: Server): void
  /**
   * Creates an HTTP server and listens as `config.listen` says, and as `config.admin` says too. Resolves with the address,
   * `http://HOST:PORT`; a second call resolves with the same. Rejects with a `GatewayError` (`port-in-use`, `cannot-listen`, `bad-tls`,
   * `closed`) or an `EngineError`, and can be called again then.
   */
  listen(): Promise<string>
  /**
   * Listens as `config.admin` says: `listen()` and `attach()` do it too. Resolves with the address, `http://HOST:PORT`; null if the
   * config has no `admin`. Rejects as `listen()` does.
   */
  listenAdmin(): Promise<string | null>
  /** Resolves when the engine is open. Rejects with a `GatewayError` of code `closed` or an `EngineError`. */
  ready(): Promise<void>
  /**
   * Returns the object of `chat-session/rest` for an app, without a network in between: log users out, see who is online, send and read
   * messages. Its calls need no token, do not count against `limits.restPerSecond`, and are not in the audit log. They reject with a
   * `RestError`, as over the network. If there is no answer they reject as `ready()` does.
   */
  client(appId: string): RestCalls
  /**
   * Sends a message from the app's backend, or in the name of the user `from`: `client(appId).sendMessage(…)`. A recipient or sender who
   * never came is created; a guest is not. Resolves when the message is durable. A second call with the same `id` and content stores
   * nothing and resolves with the same.
   */
  publish(message: NewMessage & { appId: string; from?: string | number | undefined }): Promise<Sent>
  /**
   * Takes another config without dropping a session: secrets and all other rules of apps, new apps, limits, admin tokens, and
   * the TLS certificate, whose files are read again. Other keys keep their values until a restart, and so does an app that is
   * removed. A session whose token was signed by a removed secret goes on until its credentials expire. Rejects with a `GatewayError`
   * (`bad-config`, `bad-tls`, `closed`), an `EngineError` or as a function that reads the config does, and has changed nothing then.
   */
  reload(config: ConfigSource): Promise<Reloaded>
  /**
   * Drains and closes the gateway: refuses new sessions, answers the frames that clients have sent (for `drainTime` at
   * most), and closes every connection as `unavailable`, so that clients reconnect and resume their sessions. A server that the
   * gateway is attached to keeps running. Resolves when all is closed; a second call resolves with the first.
   */
  close(): Promise<void>
}
