import type { Metrics } from '../metrics/metrics.js'
import { OutboundRequestError, type RequestMeter } from './outbound-request.js'

/** Returns the meter of an app's requests for one purpose. */
export const createRequestMeter = (
  metrics: Metrics,
  app: string,
  purpose: 'authenticate' | 'authorizeSend' | 'jwks' | 'webhook' | 'push',
): RequestMeter => {
  const labels = { app, purpose }
  return async (send) => {
    metrics.requestsInFlight.inc(labels)
    const at = performance.now()
    let error: string | undefined
    try {
      const response = await send()
      if (response.status === 429 || response.status >= 500) error = 'status'
      return response
    } catch (cause) {
      error = cause instanceof OutboundRequestError ? cause.code : 'unknown'
      throw cause
    } finally {
      metrics.requestSeconds.observe((performance.now() - at) / 1_000, labels)
      metrics.requestsInFlight.dec(labels)
      if (error !== undefined) metrics.requestErrors.inc({ ...labels, error })
    }
  }
}
