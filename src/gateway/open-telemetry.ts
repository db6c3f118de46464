import { setTimeout as delay } from 'node:timers/promises'
import type * as OpenTelemetry from '@opentelemetry/api'
import type { Log } from './log.js'

export type OpenTelemetryApi = typeof OpenTelemetry

/** Milliseconds that an SDK has to send what it holds when the gateway closes. */
const FLUSH_TIMEOUT = 3_000

/**
 * Loads the API of OpenTelemetry. Resolves with undefined if there is none: it comes with prom-client, but a strict layout of node_modules
 * may hide it.
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

/** What an SDK's provider has besides the API. Until an SDK is registered, the provider of spans is a proxy. */
interface Provider {
  getDelegate?(): Provider
  forceFlush?(): Promise<void>
}

/** Lets an SDK send what it holds, within some seconds: `serve` ends its process after the gateway, so that nobody else can. */
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
