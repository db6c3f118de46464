import { collectDefaultMetrics, Registry } from 'prom-client'

let registry: Registry | undefined

/**
 * Returns the metrics of the process (CPU, memory, event loop, garbage collection). All gateways of a process share them, since
 * prom-client never removes its observers again. They are observed from the first call on.
 */
const processRegistry = (): Registry => {
  if (!registry) {
    registry = new Registry()
    collectDefaultMetrics({ register: registry })
  }
  return registry
}

/** Returns the metrics of the process in Prometheus' text format. */
export const scrapeProcess = (): Promise<string> => processRegistry().metrics()

/** Returns the metrics of the process as prom-client's objects. */
export const collectProcess = (): Promise<object[]> => processRegistry().getMetricsAsJSON()
