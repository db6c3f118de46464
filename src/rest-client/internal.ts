/** Exports for `gateway.client()`. The package does not publish them. */
export { createRestCalls, type CallAnswer, type CallRequest } from './client.js'
