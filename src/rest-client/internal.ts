/** Exports for `gateway.client()`. The package does not publish them. */
export { createCalls, type CallAnswer, type CallRequest } from './client.js'
