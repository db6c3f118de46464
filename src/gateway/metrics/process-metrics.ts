import { collectDefaultMetrics, Registry } from 'prom-client'

let registry: Registry | undefined

/**
 * Returns the registry of the process's metrics (CPU, memory, event loop, garbage collection). All gateways of a process share it, because
 * prom-client never removes its observers. Observation begins with the first call.
 */
export const processRegistry = (): Registry => {
  if (!registry) {
    registry = new Registry()
    collectDefaultMetrics({ register: registry })
  }
  return registry
}
