import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** The HTTP status of every code of a REST answer. */
export const errorStatus = {
  'bad-request': 400,
  unauthenticated: 401,
  refused: 403,
  'not-found': 404,
  'unknown-app': 404,
  'unknown-user': 404,
  'method-not-allowed': 405,
  conflict: 409,
  'too-large': 413,
  'unsupported-media-type': 415,
  'rate-limited': 429,
  unavailable: 503,
} as const satisfies Record<string, ContentfulStatusCode>

export type CallErrorCode = keyof typeof errorStatus

/** The failure of a call. The answer to the caller has the `message` as its `title`, so a `message` must not contain a secret. */
export class CallError extends Error {
  override readonly name = 'CallError'
  readonly code: CallErrorCode
  readonly headers: Readonly<Record<string, string>>

  constructor(code: CallErrorCode, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.code = code
    this.headers = headers
  }
}
