export type * from './calls.js'
export { createRestClient, type RestClientOptions } from './client.js'
export { RestError } from './errors.js'
