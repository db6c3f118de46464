import type { EndCode } from '../../protocol/index.js'
import type { Credential, Engine, UserRecord, VouchedProfile } from '../../engine/index.js'
import type { Settings } from '../config/parse.js'
import type { Metrics } from '../metrics/metrics.js'

/** The parts of a gateway that are needed to authenticate a start. */
export interface AdmissionContext {
  engine: Pick<Engine, 'user'>
  settings: Pick<Settings, 'startTimeout'>
  metrics: Metrics
}

export interface StartContext extends AdmissionContext {
  /** Returns whether the client still waits. */
  isOpen(): boolean
}

/** The client's origin and address, from the handshake. */
export interface Peer {
  /** The `Origin` header, which browsers send; null if there is none. */
  origin: string | null
  address: string
  /** The headers that an app's `authenticateUrl.forwardHeaders` names. The names are in lower case. */
  headers?: Readonly<Record<string, string>>
}

/** Why a start is refused. `why` repeats no input of the client. */
export interface Refusal {
  ok: false
  code: EndCode
  why?: string | undefined
  /** The origin that is missing in the app's `origins`, for the log and for `messageOf`. */
  origin?: string | undefined
  /** An error of the app's own code or of its backend, for the log. */
  trace?: string | undefined
  /** Milliseconds after which the client tries again. */
  retryAfter?: number | undefined
}

/** A user whose credentials were accepted. */
export interface AuthenticatedUser {
  userId: string
  /** The profile from the token or the app's backend. */
  vouched: VouchedProfile | undefined
  /** The credential that was accepted. */
  credential: Credential
  /** Whether the user must be new. If the id belongs to a user already, the start is refused. */
  mustBeNew: boolean
  /** When the token's guest was created. Undefined for a start without a guest's token. */
  createdAt?: number | undefined
  /** Signs the token with which the client reconnects, if it started with auth params or as a guest. */
  signToken: ((user: Pick<UserRecord, 'createdAt'>) => Promise<string>) | undefined
}

export type Authenticated = ({ ok: true } & AuthenticatedUser) | Refusal
