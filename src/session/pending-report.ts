import type { FailedSend, PendingDetail } from './events.js'
import { retryDeadlineOf } from './machine/selectors.js'
import type { State } from './machine/state.js'
import type { Outbox } from './storage/outbox.js'
import { toUnixTime } from './util/clock.js'
import { isOffline } from './util/runtime.js'
import { toJson } from './util/to-json.js'

/** How many messages wait, why, and until when. */
type Report = Omit<PendingDetail, 'failed'>

const NOTHING_WAITS: Report = { count: 0, reason: null, retryAt: null }

/** Returns the Unix time of the next attempt to connect; null when none is scheduled. */
export const retryAtOf = (state: State): number | null => {
  const deadline = retryDeadlineOf(state)
  return deadline === null ? null : toUnixTime(deadline)
}

const reportOf = (state: State, outbox: Pick<Outbox, 'pending' | 'pause'>): Report => {
  const count = outbox.pending()
  if (count === 0) return NOTHING_WAITS
  const isActive = state.name === 'active'
  const pause = isActive ? outbox.pause() : undefined
  const waitsFor = isActive ? (pause?.reason ?? null) : 'reconnecting'
  return {
    count,
    reason: isOffline() ? 'offline' : waitsFor,
    retryAt: pause ? toUnixTime(pause.until) : retryAtOf(state),
  }
}

/**
 * Returns the function that reports how many messages wait, after everything that may change that. It calls `emit` if the report has
 * changed, or if messages of earlier pages have failed.
 */
export const createPendingReport = (
  state: () => State,
  outbox: Pick<Outbox, 'pending' | 'pause'>,
  emit: (detail: PendingDetail) => void,
): ((failed?: FailedSend[]) => void) => {
  /** The latest report, as JSON. */
  let latest = toJson(NOTHING_WAITS)
  return (failed = []) => {
    const report = reportOf(state(), outbox)
    const json = toJson(report)
    if (json === latest && !failed.length) return
    latest = json
    emit({ ...report, failed })
  }
}
