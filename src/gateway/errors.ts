export type GatewayErrorCode = 'bad-config' | 'port-in-use' | 'cannot-listen' | 'bad-tls' | 'closed'

/** An error of the gateway, with a message for the operator. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: GatewayErrorCode

  constructor(code: GatewayErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
