import { EngineError } from '../../engine/index.js'
import type { Metrics } from '../metrics/metrics.js'
import type { ConnectionHandle } from './connection-handle.js'

/**
 * If the engine could not answer a request, the client repeats the request after a random time between these bounds, in milliseconds. So
 * clients don't all come at once.
 */
const [MIN, MAX] = [1_000, 3_000]

export const engineRetryAfter = (): number => Math.ceil(MIN + (MAX - MIN) * Math.random())

/**
 * If `work` fails with an error of the engine, counts the error and calls `prepareRetry`. The connection stays open. Any other error ends
 * the connection.
 */
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
