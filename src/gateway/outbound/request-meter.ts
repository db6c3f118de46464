import type { Metrics } from '../metrics/metrics.js'
import { OutboundRequestError, type OutboundResponse, type RequestMeter } from './outbound-request.js'

/** Returns the `error` label for an answer; undefined if the answer does not count as an error. */
const errorOf = ({ status }: Pick<OutboundResponse, 'status'>): string | undefined =>
  status === 429 || status >= 500 ? 'status' : undefined

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
      error = errorOf(response)
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
