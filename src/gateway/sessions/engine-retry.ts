import { EngineError } from '../../engine/index.js'
import type { Metrics } from '../metrics/metrics.js'
import type { ConnectionHandle } from './connection-handle.js'

/** Milliseconds after which a client tries again what the engine could not do: a random time, so that they don't all come at once. */
const [MIN, MAX] = [1_000, 3_000]

export const engineRetryAfter = (): number => Math.ceil(MIN + (MAX - MIN) * Math.random())

/** Counts an error of the engine and calls `prepareRetry`: an engine that is away closes no connection for this work. */
export const catchEngineError = (
  work: Promise<unknown>,
  {
    metrics,
    connection,
  }: { metrics: Pick<Metrics, 'engineErrors'>; connection: Pick<ConnectionHandle, 'fail'> },
  prepareRetry: () => void,
): void => {
  work.catch((error: unknown) => {
    if (!(error instanceof EngineError)) return connection.fail(error)
    metrics.engineErrors.inc({ code: error.code })
    prepareRetry()
  })
}
