import { collectDefaultMetrics, Registry } from 'prom-client'

let registry: Registry | undefined

/**
 * Returns the metrics of the process (CPU, memory, event loop, garbage collection) in Prometheus' text format. All gateways of a
 * process share them, since prom-client never removes its observers again. They are observed from the first call on.
 */
export const scrapeProcess = (): Promise<string> => {
  if (!registry) {
    registry = new Registry()
    collectDefaultMetrics({ register: registry })
  }
  return registry.metrics()
}
