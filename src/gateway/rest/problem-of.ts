import { EngineError } from '../../engine/index.js'
import { isUnavailable } from '../http/problem.js'
import type { Metrics } from '../metrics/metrics.js'
import { errorStatus, CallError, type CallErrorCode } from './errors.js'

/** The parts of an answer about a failed call. */
interface Problem {
  status: (typeof errorStatus)[CallErrorCode]
  code: CallErrorCode
  title: string
  headers: Readonly<Record<string, string>>
}

/** Seconds after which a client tries again if the gateway is unavailable. */
const RETRY_AFTER = 5

const UNAVAILABLE = 'The gateway cannot answer now: send the call again after the time in Retry-After.'

/**
 * Returns the problem of an error that a call may throw; undefined for any other error, which is a bug. Counts an error of the engine,
 * because nothing else reports it.
 */
export const problemOf = (
  error: unknown,
  { engineErrors }: Pick<Metrics, 'engineErrors'>,
): Problem | undefined => {
  if (error instanceof EngineError) engineErrors.inc({ code: error.code })
  const problem = (code: CallErrorCode, title: string, headers: Record<string, string> = {}): Problem => ({
    status: errorStatus[code],
    code,
    title,
    headers: code === 'unavailable' ? { 'retry-after': String(RETRY_AFTER), ...headers } : headers,
  })
  if (error instanceof CallError) return problem(error.code, error.message, error.headers)
  return isUnavailable(error) ? problem('unavailable', UNAVAILABLE) : undefined
}
