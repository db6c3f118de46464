import type { JsonObject, Profile } from '../../protocol/index.js'

/**
 * A secret itself, or the name of the environment variable that holds it. No secret may stand twice: neither in one
 * list, nor in two apps, nor for two uses.
 */
export type SecretConfig = string | { env: string }

/** `test` is lenient by default, `production` is strict. An app id belongs to one of them. */
export const environments = ['test', 'production'] as const
export type Environment = (typeof environments)[number]

/** Who may set a user's profile: the app's backend only, or clients too. */
export const profileRules = ['vouched', 'anyone'] as const
export type ProfileRule = (typeof profileRules)[number]

/** Signature algorithms a JWKS may be used with (RFC 7518, RFC 8037). */
export const jwksAlgorithms = ['RS256', 'ES256', 'EdDSA'] as const
export type JwksAlgorithm = (typeof jwksAlgorithms)[number]

/** What `authenticate` is asked: may this client be this user? */
export interface AuthenticateRequest {
  appId: string
  userId: string
  /** What the client gave, at most 4 kB as JSON. Passed on once and never kept. */
  authParams: JsonObject
  /** The origin of the page, or null for a client that is not a browser. */
  origin: string | null
  /** The client's IP address. */
  address: string
}

/**
 * A yes is an object with `ok: true` and nothing else is: any other answer is a no. A rejection is neither, and ends the
 * start as `unavailable`.
 */
export type AuthenticateAnswer =
  | {
      ok: true
      /** What the backend vouches for. */
      user?: Profile | undefined
      /** Seconds until the session needs to be proven again, above 0. @default 86_400 */
      expiresIn?: number | undefined
    }
  | { ok: false }
  | null
  | undefined

/** Called once for each start with auth params. */
export type Authenticate = (request: AuthenticateRequest) => Promise<AuthenticateAnswer>

/** Who may send messages from a client: anyone, users who are no guests, or nobody but the app's backend. */
export const sendRules = ['anyone', 'users', 'backend'] as const
export type SendRule = (typeof sendRules)[number]

/** What `authorizeSend` is asked. */
export interface AuthorizeSendRequest {
  /** The sender's user id, proven. */
  from: string
  /** The recipient's. */
  to: string
}

/**
 * Called once for each message that a client sends, where the app's other rules let it. `true` is a yes, any other answer
 * a no; a rejection is neither, and the message is refused as `unavailable`.
 */
export type AuthorizeSend = (request: AuthorizeSendRequest) => boolean | Promise<boolean>

/** What a person writes, in a JSON file or a module. Durations are in seconds. */
export interface GatewayConfig {
  /** Where the gateway listens, when it makes its own HTTP server. */
  listen?: ListenConfig | undefined
  /** Where users and sessions are kept. @default { type: 'embedded', path: './data' } */
  engine?: EngineConfig | undefined
  /** Seconds between two pings; a connection silent for two of them is dead. 0.01 to 3600. @default 25 */
  pingInterval?: number | undefined
  /** Seconds that a new connection has to name its user. 0.01 to 300. @default 10 */
  startTimeout?: number | undefined
  /** Seconds that a session is held whose connection was lost. 0 to 86,400. @default 120 */
  resumeWindow?: number | undefined
  /** Seconds that a session is held whose page was left. 0 to 86,400. @default 20 */
  leaveWindow?: number | undefined
  /** Seconds in which the id of a message makes a retry safe. 1 to 604,800. @default 3600 */
  sendWindow?: number | undefined
  /** Seconds that closing waits for what clients have sent to be answered. 0.1 to 3600. @default 20 */
  drainTime?: number | undefined
  /** The apps by id: 1 to 64 of letters, digits, `-` and `_`. At least one. */
  apps: Record<string, AppConfig>
}

export interface ListenConfig {
  /** Name or IP address to listen on; `0.0.0.0` or `::` for all. @default '127.0.0.1' */
  host?: string | undefined
  /** 0 takes a free one. The environment's `PORT` overrides it. @default 8080 */
  port?: number | undefined
  /** How many proxies in front add to `X-Forwarded-For`; 0 believes no such header. 0 to 32. @default 0 */
  trustProxy?: number | undefined
  /** Names of PEM files, read from the working directory. Left out: plain HTTP, for a proxy that ends TLS. */
  tls?: { cert: string; key: string } | undefined
}

/** Keeps everything in memory, and loses it when the process stops. */
export interface MemoryEngineConfig {
  type: 'memory'
  path?: undefined
}

/** Keeps everything in a folder. The default. */
export interface EmbeddedEngineConfig {
  /** @default 'embedded' */
  type?: 'embedded' | undefined
  /** The folder, from the working directory. @default './data' */
  path?: string | undefined
}

export type EngineConfig = MemoryEngineConfig | EmbeddedEngineConfig

export interface AppConfig {
  /** Decides the defaults below. Must be given: a production app should not be lenient by an oversight. */
  environment: Environment
  /**
   * What user tokens (HS256) and the backend's own tokens are checked with: any of them is good, so that they can be
   * rotated. In production 32 bytes of UTF-8 or more each. @default []
   */
  secrets?: SecretConfig[] | undefined
  /** What signatures of user ids are checked with. Empty: signatures are refused. As long as `secrets`. @default [] */
  signatureSecrets?: SecretConfig[] | undefined
  /**
   * Public keys for user tokens. `url` is https, or http on this machine; `algorithms` are the ones accepted,
   * whatever a token says.
   */
  jwks?: { url: string; algorithms: JwksAlgorithm[] } | undefined
  /**
   * Origins of pages that may connect, as a browser sends them: `https://www.example.com`. A client that sends none
   * is no browser and passes. Must be given in production. @default any, in test
   */
  origins?: string[] | undefined
  /** May anyone start without credentials? @default true in test, false in production */
  guests?: boolean | undefined
  /** `vouched` ignores the profile that a client claims. @default 'anyone' in test, 'vouched' in production */
  profiles?: ProfileRule | undefined
  /** Must a user token have an `exp`? @default false in test, true in production */
  requireExpiry?: boolean | undefined
  /** Checks auth params. In a config module only: JSON has no functions. Left out: auth params are refused. */
  authenticate?: Authenticate | undefined
  /** Who may send from a client. @default 'anyone' in test, 'users' in production */
  send?: SendRule | undefined
  /** Decides by message who may send to whom, on top of `send`. In a config module only. */
  authorizeSend?: AuthorizeSend | undefined
  /** May a client send to somebody who never came? @default true in test, false in production */
  unknownRecipients?: boolean | undefined
  retention?: RetentionConfig | undefined
  limits?: AppLimitsConfig | undefined
}

/** What is kept of each inbox; what is beyond either is gone. */
export interface RetentionConfig {
  /** The newest so many. 1 to 1,000,000. @default 1000 */
  messages?: number | undefined
  /** Days. Above 0, to 36,500. @default 30 */
  days?: number | undefined
}

export interface AppLimitsConfig {
  /** Sessions one user may have; beyond them an older one makes room. 1 to 10,000. @default 20 */
  sessionsPerUser?: number | undefined
  /** Messages that one user may send in a second, from all clients on this gateway. 1 to 1,000,000. @default 20 */
  messagesPerSecond?: number | undefined
  /** Inboxes that the app may have in all. From 1. @default 1_000_000 */
  inboxes?: number | undefined
  /** Bytes that the app's messages may take in all. From 1. @default 10_737_418_240 (10 GiB) */
  bytes?: number | undefined
}
