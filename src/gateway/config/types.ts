import type { WebhookEventType } from '../../engine/index.js'
import type { JsonObject, Profile } from '../../protocol/index.js'

/** Environment variables by name, as in `process.env`. */
export type Env = Readonly<Record<string, string | undefined>>

/** The name of a file, from the working directory. */
export interface FileConfig {
  file: string
}

/**
 * A secret, the name of the environment variable that holds it, or the name of a file that holds it, from the working directory. A reload
 * reads the file again. A line break at the end is no part of a secret. No secret may stand twice in a config.
 */
export type SecretConfig = string | { env: string } | FileConfig

/** `test` is lenient by default, `production` is strict. Each app has one of the two. */
export const environments = ['test', 'production'] as const
export type Environment = (typeof environments)[number]

/** Who may set a user's profile: the app's backend only, or clients too. */
export const profileRules = ['vouched', 'anyone'] as const
export type ProfileRule = (typeof profileRules)[number]

/** The signature algorithms that a JWKS may be used with (RFC 7518, RFC 8037). */
export const jwksAlgorithms = ['RS256', 'ES256', 'EdDSA'] as const
export type JwksAlgorithm = (typeof jwksAlgorithms)[number]

/** The argument of `authenticate`. The function decides whether the client is the user. */
export interface AuthenticateRequest {
  appId: string
  userId: string
  /** The client's auth params, at most 4 kB as JSON. The gateway does not keep them. */
  authParams: JsonObject
  /** The origin of the page, or null for a client that is not a browser. */
  origin: string | null
  /** The client's IP address. */
  address: string
}

/** Only an object with `ok: true` lets the user in. If `authenticate` rejects, the session is refused as `unavailable`. */
export type AuthenticateAnswer =
  | {
      ok: true
      /** The profile that the backend vouches for. */
      user?: Profile | undefined
      /** Seconds until the credentials expire, above 0. @default 86_400 */
      expiresIn?: number | undefined
    }
  | { ok: false }
  | null
  | undefined

/** Called once for each session that a client starts with auth params. */
export type Authenticate = (request: AuthenticateRequest) => Promise<AuthenticateAnswer>

/** Which clients may send messages: all, those of users with an account, or none. The backend always may. */
export const sendRules = ['anyone', 'users', 'backend'] as const
export type SendRule = (typeof sendRules)[number]

/** Who may let a user take over a guest's messages: client and backend, only the backend, or nobody. */
export const adoptionRules = ['client', 'backend', 'nobody'] as const
export type AdoptionRule = (typeof adoptionRules)[number]

/**
 * Between which users a rule allows something. `peers`: users who have exchanged messages that are kept; each rule says in which direction.
 * `anyone`: any two. `nobody`: none.
 */
export const contactRules = ['peers', 'anyone', 'nobody'] as const
export type ContactRule = (typeof contactRules)[number]

/** The argument of `authorizeSend`. */
export interface AuthorizeSendRequest {
  /** The sender's user id, which is verified. */
  from: string
  /** The recipient's user id. */
  to: string
}

/**
 * Called for each message of a client that the app's `send` rule allows. Only `true` allows the message. If the function throws, or takes
 * longer than 10 seconds, the message is refused as `unavailable`.
 */
export type AuthorizeSend = (request: AuthorizeSendRequest) => boolean | Promise<boolean>

/** The config, in a JSON file or a module. Durations are in seconds. */
export interface GatewayConfig {
  /** Where the gateway listens, when it makes its own HTTP server. */
  listen?: ListenConfig | undefined
  /** A second listener, for operators: metrics and the console. Left out: no second listener. */
  admin?: AdminConfig | undefined
  /** The engine that stores users, sessions and messages. @default { type: 'embedded', path: './data' } */
  engine?: EngineConfig | undefined
  /** Seconds between two pings. A connection that is silent for twice as long counts as dead. 0.01 to 3600. @default 25 */
  pingInterval?: number | undefined
  /** Seconds that a new connection has until its user is verified. 0.01 to 300. @default 10 */
  startTimeout?: number | undefined
  /** Seconds that a session waits for its client after its connection was lost. 0 to 86,400. @default 120 */
  resumeWindow?: number | undefined
  /** Seconds that a session waits for its client after its page was left. 0 to 86,400. @default 20 */
  leaveWindow?: number | undefined
  /** For this many seconds a message that is sent again with the same id is not stored again. 1 to 604,800. @default 3600 */
  sendWindow?: number | undefined
  /** The most seconds that `close()` waits until the frames that clients have sent are answered. 0.1 to 3600. @default 20 */
  drainTime?: number | undefined
  limits?: LimitsConfig | undefined
  /** The apps by id, at least one. An id is 1 to 64 characters: letters, digits, `-` and `_`. */
  apps: Record<string, AppConfig>
}

export interface ListenConfig {
  /** Name or IP address to listen on; `0.0.0.0` or `::` for all. @default '127.0.0.1' */
  host?: string | undefined
  /** 0 takes a free port. The environment's `PORT` overrides it. @default 8080 */
  port?: number | undefined
  /** The path of a Unix socket to listen on, in place of host and port, which are left out then. At most 103 bytes. */
  path?: string | undefined
  /** The permissions of the socket's file, in octal. Whoever may write to the file may connect. @default '0660' */
  mode?: string | undefined
  /** How many proxies in front of the gateway add to `X-Forwarded-For`. With 0 the gateway ignores the header. 0 to 32. @default 0 */
  trustProxy?: number | undefined
  /** Names of PEM files, read from the working directory. Left out: plain HTTP, for a proxy that ends TLS. */
  tls?:
    | {
        /** The file of the certificate chain. */
        cert: string | FileConfig
        /** The file of the private key. */
        key: string | FileConfig
      }
    | undefined
}

/** The listener for operators. Each token has 32 ASCII characters or more, without a space or a line break at its ends. */
export interface AdminConfig {
  /** Name or IP address to listen on. @default '127.0.0.1' */
  host?: string | undefined
  /** 0 takes a free port. @default 9090 */
  port?: number | undefined
  /** The bearer token that may do everything. */
  token: SecretConfig
  /** A bearer token that may read, and change nothing. Left out: no such token. */
  readToken?: SecretConfig | undefined
}

/** Keeps everything in memory, and loses it when the process stops. */
export interface MemoryEngineConfig {
  type: 'memory'
  path?: undefined
}

/** Keeps everything in a folder. The default. */
export interface EmbeddedEngineConfig {
  /** May be left out. @default 'embedded' */
  type?: 'embedded' | undefined
  /** The folder, from the working directory. @default './data' */
  path?: string | undefined
  /** About how many bytes the engine's cache of inboxes, their peers and senders' profiles may take in memory. @default 67108864 */
  cacheBytes?: number | undefined
}

/**
 * Keeps everything in a Redis, which several gateways can share. Clients see these gateways as one. Needs the package ioredis. Give one of
 * `url`, `sentinels` with `name`, and `cluster`. A URL is `redis://USER:PASSWORD@HOST:PORT`, or `rediss:` for TLS; user and password can be
 * left out.
 */
export interface RedisEngineConfig {
  type: 'redis'
  /** One server, with the number of a database as the path. The environment's `REDIS_URL` overrides it. */
  url?: SecretConfig | undefined
  /** URLs of Sentinels, with the login that all Sentinels and servers have. */
  sentinels?: SecretConfig[] | undefined
  /** The name that the Sentinels' config gives the master. */
  name?: string | undefined
  /** URLs of some servers of a cluster, with the login that all its servers have. */
  cluster?: SecretConfig[] | undefined
  /** The text with which the names of all keys in Redis begin. Gateways with the same prefix share their data. @default 'chat-session:' */
  prefix?: string | undefined
  /** Whether to use TLS, or the PEM files to use with it. Left out: true for `rediss:`. */
  tls?:
    | boolean
    | {
        /** The file of the certificate authorities that are trusted, in place of Node's list. */
        ca?: string | FileConfig | undefined
        /** The file of this client's certificate. */
        cert?: string | FileConfig | undefined
        /** The file of the certificate's private key. */
        key?: string | FileConfig | undefined
      }
    | undefined
  path?: undefined
}

export type EngineConfig = MemoryEngineConfig | EmbeddedEngineConfig | RedisEngineConfig

/** Limits on the connections of the process, over all apps. */
export interface LimitsConfig {
  /** Open connections in all. From 1. @default three quarters of the open-file limit */
  connections?: number | undefined
  /** Open connections of one IP address. From 1. @default 5000 */
  connectionsPerAddress?: number | undefined
  /** New connections of one IP address in a second. From 1. @default 1000 */
  connectionsPerSecondPerAddress?: number | undefined
}

export interface AppConfig {
  /** Decides the defaults below. It is required, so that no production app is lenient by an oversight. */
  environment: Environment
  /**
   * Secrets of user tokens (HS256). Any of them verifies a token, so that they can be rotated. In production each has 32
   * bytes of UTF-8 or more. @default []
   */
  secrets?: SecretConfig[] | undefined
  /**
   * Secrets for signatures of user ids. A page may have a signature in place of a token. In production each secret has 32 bytes of UTF-8 or
   * more. A signature never expires, so a list with a secret needs `requireExpiry: false`. With an empty list signatures are refused.
   * @default []
   */
  signatureSecrets?: SecretConfig[] | undefined
  /**
   * Public keys for user tokens: the `url` of a key set (https, or http on this machine), or the `keys` themselves, as JSON
   * Web Keys. Only `algorithms` are accepted, whatever algorithm a token names.
   */
  jwks?:
    | {
        /** https, or http on this machine. */
        url?: string | undefined
        /** JSON Web Keys, in place of `url`. */
        keys?: Record<string, unknown>[] | undefined
        /** At least one. */
        algorithms: JwksAlgorithm[]
      }
    | undefined
  /**
   * Origins of pages that may connect, as a browser sends them: `https://www.example.com`. A client without an `Origin`
   * header is no browser and may connect. Required in production. Left out in test: any origin.
   */
  origins?: string[] | undefined
  /** May a client start without credentials? @default true in test, false in production */
  guests?: boolean | undefined
  /** `vouched` ignores the profile that a client claims. @default 'anyone' in test, 'vouched' in production */
  profiles?: ProfileRule | undefined
  /** Must a user token have an `exp`? @default false in test, true in production */
  requireExpiry?: boolean | undefined
  /** Checks auth params. In a config module only: JSON has no functions. If `authenticateUrl` is missing, too, auth params are refused. */
  authenticate?: Authenticate | undefined
  /** Checks auth params with a request to your backend, in place of `authenticate`. */
  authenticateUrl?: AuthenticateUrlConfig | undefined
  /** Reports events to your backend. Left out: nothing is sent. */
  webhooks?: WebhooksConfig | undefined
  /** Sends Web Push to users while no page is open. Left out: no pushes. */
  push?: PushConfig | undefined
  /** Which clients may send. @default 'anyone' in test, 'users' in production */
  send?: SendRule | undefined
  /** Decides which user may send to which, in addition to `send`. In a config module only. */
  authorizeSend?: AuthorizeSend | undefined
  /** Decides about each message with a request to your backend, in place of `authorizeSend`. The backend may replace the content. */
  authorizeSendUrl?: AuthorizeSendUrlConfig | undefined
  /** May a client send to a user who does not exist? Its message creates the user. @default true in test, false in production */
  unknownRecipients?: boolean | undefined
  /**
   * To whom a client may send signals, such as 'typing'. `peers`: to users with whom the client's user has exchanged a message that
   * is kept, in either direction.
   * @default 'peers'
   */
  signals?: ContactRule | undefined
  /** Who may watch whether a user is online. `peers`: those to whom the user has sent messages that are kept. @default 'peers' */
  presence?: ContactRule | undefined
  /**
   * Who may let a user take over a guest's messages. `client`: the user's client with the guest's token, and the backend. `backend`: only
   * the backend, with the REST API. @default 'client'
   */
  adoption?: AdoptionRule | undefined
  retention?: RetentionConfig | undefined
  limits?: AppLimitsConfig | undefined
}

export interface AuthenticateUrlConfig {
  /** https, or http on this machine. */
  url: string
  /**
   * Secrets of the signature, as Standard Webhooks writes them: `whsec_` and base64. The request has a signature for each secret, so that
   * secrets can be rotated. In production each has 24 bytes or more. At least one.
   */
  secrets: SecretConfig[]
  /**
   * Names of headers of the client's request that are passed on, such as `cookie`. With such headers the app must list its `origins`, in
   * test too, and the answer must repeat `userId`. @default []
   */
  forwardHeaders?: string[] | undefined
}

export interface AuthorizeSendUrlConfig {
  /** https, or http on this machine. */
  url: string
  /** Secrets of the signature, as those of `authenticateUrl`. */
  secrets: SecretConfig[]
  /** Seconds that an answer may take. 0.1 to 10. @default 2 */
  timeout?: number | undefined
}

export interface WebhooksConfig {
  /** https, or http on this machine. */
  url: string
  /** Secrets of the signature, as those of `authenticateUrl`. */
  secrets: SecretConfig[]
  /** The types of events that are sent. @default all but 'message.created', 'message.read', 'guest.adopted' and 'push.failed' */
  events?: WebhookEventType[] | undefined
  /** Seconds that a message stays unread before `message.unread`. 0.01 to 2,592,000 (30 days). @default 300 */
  unreadAfter?: number | undefined
}

/** What a push shows: the message and its sender, or only that there is a message. */
export const pushContents = ['full', 'none'] as const
export type PushContent = (typeof pushContents)[number]

/** Web Push (RFC 8030, 8291, 8292). */
export interface PushConfig {
  /** The contact for the operators of push services: `mailto:ops@example.com`, or an https URL (RFC 8292). */
  subject: string
  /**
   * The page that a notification opens: https, or http on this machine, of at most 1,024 bytes. `{from}` stands for the sender's user id,
   * percent-encoded.
   */
  url: string
  /** Seconds from a message to its push, if the message is unread and no page is visible. 0.01 to 86,400 (a day). @default 5 */
  after?: number | undefined
  /** Seconds for which a push service keeps a push for a device that is off. 0 to 2,419,200 (28 days). @default 86_400 */
  ttl?: number | undefined
  /** The title of a notification whose sender has no name. @default 'New message' */
  title?: string | undefined
  /** `none` leaves the sender and the message out, so that a locked screen shows only `title`. @default 'full' */
  content?: PushContent | undefined
  /**
   * The private key (VAPID) to which the browsers' subscriptions belong: 32 bytes, as base64url. Left out: the gateway makes one from a
   * secret that the engine keeps. If the key changes, clients subscribe again.
   */
  privateKey?: SecretConfig | undefined
  /**
   * The hosts to which the gateway sends pushes: `push.example.com`, or `*.example.com` for every host below `example.com`.
   * @default those of Chrome, Edge, Firefox and Safari
   */
  hosts?: string[] | undefined
}

/** How much each inbox keeps. Messages beyond any of these limits are deleted, the oldest first. */
export interface RetentionConfig {
  /** Messages. 1 to 1,000,000. @default 1000 */
  messages?: number | undefined
  /** Days. Above 0, to 36,500. @default 30 */
  days?: number | undefined
  /** Bytes. From 1. @default the smaller of 16,777,216 and a tenth of `limits.bytes` */
  bytes?: number | undefined
}

export interface AppLimitsConfig {
  /** Sessions of one user. If one more starts, an older session ends. 1 to 10,000. @default 20 */
  sessionsPerUser?: number | undefined
  /** Messages of one user in a second, over all gateways on one engine. 1 to 1,000,000. @default 20 */
  messagesPerSecond?: number | undefined
  /** Starts and other frames of one user in a second, all but `send`, `signal`, `pong` and `end`. 1 to 1,000,000. @default 50 */
  requestsPerSecond?: number | undefined
  /** Signals of one user in a second. 1 to 1,000,000. @default 5 */
  signalsPerSecond?: number | undefined
  /** Bytes of one user's frames in a second. From 1024. @default 262_144 */
  bytesPerSecond?: number | undefined
  /** Requests of the app's backend to the REST API in a second. 1 to 1,000,000. @default 1000 */
  restPerSecond?: number | undefined
  /**
   * The share of an inbox that one sender's unread messages may take. A message beyond this share is refused if it would push out another
   * sender's unread message. Above 0, to 1. @default 0.5
   */
  unreadPerSender?: number | undefined
  /** Guests that the app keeps in all. From 0. @default 100_000 */
  guests?: number | undefined
  /** Inboxes of the app in all. From 1. @default 1_000_000 */
  inboxes?: number | undefined
  /**
   * Bytes of the app's messages in all. Webhook events that are to be delivered may take another tenth, or 1 MiB if that is more. From 1.
   * @default 10_737_418_240 (10 GiB)
   */
  bytes?: number | undefined
}

/** A config, or a function that reads it. A reload that can't read the config counts as failed. */
export type ConfigSource = GatewayConfig | (() => Promise<GatewayConfig>)

/** The result of `gateway.reload()`. A change is the path of the changed key: `apps.hF83jaq.secrets`. */
export interface Reloaded {
  /** Keys that have their new values from now on. */
  applied: string[]
  /** Keys that keep their old values until the gateway is started again. */
  needsRestart: string[]
}
