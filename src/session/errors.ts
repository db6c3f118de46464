import { isRetryable, type ClientCode, type ProtocolCode } from '../protocol/index.js'
import { sentenceOf } from './error-message.js'

/** A gateway that is newer than this client may give codes that are not listed. */
export type SessionErrorCode = ProtocolCode | ClientCode | (string & {})

export interface SessionErrorOptions extends ErrorOptions {
  /** A sentence to show instead of the code's own, as the gateway's. */
  message?: string | undefined
  /** Whether the same thing may succeed later. @default what is known of the code, else false */
  retryable?: boolean | undefined
  /** Milliseconds to wait before the next try, where the gateway said so. */
  retryAfter?: number | undefined
}

/** What a start fails with, a session ends with, or an `error` event tells. `code` is the contract; messages may improve. */
export class SessionError extends Error {
  override readonly name = 'SessionError'
  readonly code: SessionErrorCode
  /** Whether the same thing may succeed when it is tried again later. */
  readonly retryable: boolean
  /** Milliseconds. */
  readonly retryAfter: number | undefined

  constructor(code: SessionErrorCode, options: SessionErrorOptions = {}) {
    super(options.message ?? sentenceOf(code), options)
    this.code = code
    this.retryable = options.retryable ?? isRetryable(code as ProtocolCode)
    this.retryAfter = options.retryAfter
  }
}
