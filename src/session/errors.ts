import { isRetryable, type ClientCode, type ProtocolCode } from '../protocol/index.js'
import { errorMessageOf } from './error-message.js'

/** The codes of errors. A gateway that is newer than this client may send codes that are not listed. */
export type SessionErrorCode = ProtocolCode | ClientCode | (string & {})

export interface SessionErrorOptions extends ErrorOptions {
  /** Replaces the sentence that the code has, for example by the message that the gateway sent with the error. */
  message?: string | undefined
  /** Whether the same call may succeed later. @default true for the protocol's codes that are retried, else false */
  retryable?: boolean | undefined
  /** Milliseconds to wait before the next try, if the gateway sent them. */
  retryAfter?: number | undefined
}

/** Why a start failed, a session ended, or a request was refused. `code` is the contract; messages may change. */
export class SessionError extends Error {
  override readonly name = 'SessionError'
  readonly code: SessionErrorCode
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  /** Milliseconds. */
  readonly retryAfter: number | undefined

  constructor(code: SessionErrorCode, options: SessionErrorOptions = {}) {
    super(options.message ?? errorMessageOf(code), options)
    this.code = code
    this.retryable = options.retryable ?? isRetryable(code as ProtocolCode)
    this.retryAfter = options.retryAfter
  }
}

/** Returns an error as a SessionError: the error itself, or a new one with this code and the error as its cause. */
export const toSessionError = (error: unknown, code: SessionErrorCode): SessionError =>
  error instanceof SessionError ? error : new SessionError(code, { cause: error })
