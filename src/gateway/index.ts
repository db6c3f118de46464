export { createGateway, type Gateway, type GatewayOptions } from './gateway.js'
export { GatewayError, type GatewayErrorCode } from './errors.js'
export { createLog, type Log, type LogOptions } from './log.js'
export type * from './config-types.js'
