export type GatewayErrorCode = 'bad-config' | 'port-in-use' | 'cannot-listen' | 'bad-tls' | 'closed'

/** Why a gateway can't run as it was told to; the message is for the person who runs it. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: GatewayErrorCode

  constructor(code: GatewayErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
