import { setTimeout as delay } from 'node:timers/promises'
import type * as OpenTelemetry from '@opentelemetry/api'
import type { Log } from './log.js'

export type OpenTelemetryApi = typeof OpenTelemetry

/** Milliseconds within which an SDK must send its data when the gateway closes. */
const FLUSH_TIMEOUT = 3_000

/**
 * Loads the API of OpenTelemetry. Resolves with undefined if the API can't be loaded. prom-client installs the API, but a strict layout of
 * node_modules may hide it.
 */
export const loadOpenTelemetry = async (log: Pick<Log, 'warn'>): Promise<OpenTelemetryApi | undefined> => {
  try {
    return await import('@opentelemetry/api')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND')
      log.warn({ err }, "@opentelemetry/api can't be loaded: there are no spans and no metrics by OTLP")
    return undefined
  }
}

/** The members of a provider that the API does not declare. The API's provider of spans is a proxy: its delegate is the SDK's provider. */
interface Provider {
  getDelegate?(): Provider
  forceFlush?(): Promise<void>
}

/** Lets an SDK send its data, for `FLUSH_TIMEOUT` at most. Afterwards `serve` ends the process, so the data could not be sent later. */
export const flushOpenTelemetry = async (
  { metrics, trace }: OpenTelemetryApi,
  log: Pick<Log, 'warn'>,
): Promise<void> => {
  const providers = [metrics.getMeterProvider(), trace.getTracerProvider()] as Provider[]
  const flushes = providers.flatMap((each) => (each.getDelegate?.() ?? each).forceFlush?.() ?? [])
  if (flushes.length === 0) return
  const flushed = Promise.all(flushes).catch((err: unknown) =>
    log.warn({ err }, 'the last spans and metrics were not sent'),
  )
  await Promise.race([flushed, delay(FLUSH_TIMEOUT, undefined, { ref: false })])
}
