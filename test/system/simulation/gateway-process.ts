/*
 * The modules of a gateway's process. Each process of the simulation imports its own instance of them, because modules have variables: a
 * process that has crashed must not take timers of another one with it.
 */
export { createExclusiveEngine } from '../../../src/engine/exclusive/exclusive-engine.js'
export { createSharedEngine } from '../../../src/engine/redis/redis-engine.js'
export { createGateway } from '../../../src/gateway/index.js'
export { createMetrics } from '../../../src/gateway/metrics/metrics.js'
export { createPushes } from '../../../src/gateway/push/pushes.js'
export { createTracing } from '../../../src/gateway/tracing/tracing.js'
