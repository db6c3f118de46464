export type GatewayErrorCode =
  | 'bad-config'
  | 'port-in-use'
  | 'cannot-listen'
  | 'bad-tls'
  | 'closed'
  /** What `publish` was given can't be sent. */
  | 'unknown-app'
  | 'bad-request'
  | 'too-large'
  | 'conflict'
  /** The app keeps as much as it may. */
  | 'unavailable'

/** Why a gateway can't do as it was told; the message is for the person who runs it. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: GatewayErrorCode

  constructor(code: GatewayErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
