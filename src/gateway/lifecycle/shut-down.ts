import type { Engine } from '../../engine/index.js'
import { withTimeout } from '../../util/with-timeout.js'
import type { Settings } from '../config/parse.js'
import type { Log } from '../log.js'
import { flushOpenTelemetry, type OpenTelemetryApi } from '../open-telemetry.js'
import type { Pushes } from '../push/pushes.js'
import { CLOSE_TIMEOUT } from '../transports/handshake.js'
import type { Dispatcher } from '../webhooks/dispatcher.js'
import type { Drain } from './drain.js'

interface Parts {
  readonly settings: Pick<Settings, 'drainTime'>
  readonly log: Log
  readonly engine: Pick<Engine, 'close'>
  readonly drain: Pick<Drain, 'run'>
  readonly dispatcher: Pick<Dispatcher, 'close'>
  readonly pushes: Pick<Pushes, 'close' | 'handOver'>
  readonly openTelemetry: Promise<OpenTelemetryApi | undefined>
  readonly adminServer: { close(): Promise<void> } | null
  /** Aborted once the drain is over: nothing is served any more. */
  readonly lifetime: AbortController
  /** Closes the server of `gateway.listen()`, if there is one, within these milliseconds. */
  closeServer(timeout: () => number): Promise<void>
}

/** Returns the part of `drainTime` in which sockets close, in milliseconds. */
export const closeTimeoutOf = ({ drainTime }: Pick<Settings, 'drainTime'>): number =>
  Math.min(CLOSE_TIMEOUT, drainTime / 2)

/** Closes a gateway: the drain of its connections, webhooks and pushes comes first, then everything else. */
export const shutDown = async (parts: Parts): Promise<void> => {
  const { settings, log, engine, drain, dispatcher, pushes, openTelemetry, adminServer, lifetime } = parts
  const closeTimeout = closeTimeoutOf(settings)
  const drainTime = settings.drainTime - closeTimeout
  const deliveries = Promise.all([dispatcher.close(drainTime), pushes.close(drainTime)])
  // After `drainTime` both `close` calls abort their requests. They can't abort a call to an engine that hangs, so the wait is limited.
  const inTime = withTimeout(deliveries, drainTime, () => new Error('The time of the drain is over.'))
  const logLate = (err: unknown): void =>
    log.warn({ err }, 'webhooks or pushes were cut off: they stay pending')
  await Promise.all([drain.run(drainTime), inTime.catch(logLate)])
  const closeBy = performance.now() + closeTimeout
  const noAnswer = (): Error => new Error('The engine did not answer in time.')
  await withTimeout(pushes.handOver(), closeTimeout / 2, noAnswer).catch((err: unknown) =>
    log.warn({ err }, 'pushes that wait here stay pending for half a minute'),
  )
  const api = await openTelemetry
  if (api) await flushOpenTelemetry(api, log)
  lifetime.abort()
  // Closing the engine ends a running `open()`, and so the `listen()` that waits for it.
  const closed = engine.close()
  // If the engine can't close, the listeners close all the same. The rejection may come before `await closed`, and must not be unhandled.
  closed.catch(() => undefined)
  try {
    await parts.closeServer(() => Math.max(0, closeBy - performance.now()))
    await closed
  } finally {
    // The admin listener closes last, so that operators can watch the drain.
    await adminServer?.close()
  }
}
