/** Exports for the gateway. The package does not publish them. */
export { createRestCalls, type CallAnswer, type CallRequest } from './client.js'
export { operations, type CallId, type PathParam } from './operations.js'
export { DEFAULT_LIMIT, DEFAULT_PEERS, pathParams } from './params.js'
export { count, jsonObject, OBJECT_RULE, profileBody, schemas, userId } from './schemas.js'
export { MAX_RECIPIENTS, MAX_STATUS, shapes, type Shape, type Shapes } from './shapes.js'
