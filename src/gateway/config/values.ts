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

/** The result of `gateway.reload()`. A change is the path of the changed key: `apps.hF83jaq.secrets`. */
export interface Reloaded {
  /** Keys that have their new values from now on. */
  applied: string[]
  /** Keys that keep their old values until the gateway is started again. */
  needsRestart: string[]
}
