/** For `gateway.client()`: not published by the package. */
export { createCalls, type CallAnswer, type CallRequest } from './client.js'
