/** A call rejects with this error if its answer is an error, or does not come from the gateway. */
export class RestError extends Error {
  override readonly name = 'RestError'
  /** The HTTP status. */
  readonly status: number
  /** The code of the answer, such as `unknown-user`. `unknown`: the answer does not come from the gateway, but for example from a proxy. */
  readonly code: string
  /** Seconds after which the call can be sent again; null if the answer does not say. */
  readonly retryAfter: number | null

  constructor(
    message: string,
    answer: { status: number; code: string; retryAfter: number | null },
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.status = answer.status
    this.code = answer.code
    this.retryAfter = answer.retryAfter
  }
}
