import { PROBE_ID, type Active, type Effect, type Step, type World } from './state.js'

/** How many milliseconds the gateway's ping may be late. */
const PING_GRACE = 10_000
/**
 * If the heartbeat's timer is late by more milliseconds than this, the device slept or its clock was set forward. Then frames may be queued
 * behind the timer. So the session sends a probe, and waits this many milliseconds for an answer.
 */
const SLEEP_GRACE = 2_000
/** Milliseconds in which a frame has to arrive on a connection that may be dead. */
const PROBE_TIMEOUT = 5_000

/** Returns a new deadline, at which the connection counts as dead if no further frame arrives. */
export const resetHeartbeat = (
  pingInterval: number,
  { now }: World,
): Pick<Active, 'heartbeatDeadline' | 'sleepGraceUsed'> => ({
  heartbeatDeadline: now + pingInterval + PING_GRACE,
  sleepGraceUsed: false,
})

/**
 * Asks the gateway for the message after the newest one. As a rule there is none, but the answer shows that the connection is alive. The
 * answer has the id `PROBE_ID`.
 */
const probe = ({ cursor: { epoch, offset } }: Active): Effect => ({
  do: 'send',
  frame: { type: 'history', id: PROBE_ID, epoch, after: offset, limit: 1 },
})

/** Called when the connection may have died unnoticed: the page is visible again, or the network is back. */
export const checkConnection = (state: Active, { now }: World): Step => {
  const heartbeatDeadline = now + PROBE_TIMEOUT
  if (state.heartbeatDeadline <= heartbeatDeadline) return [state]
  return [{ ...state, heartbeatDeadline }, probe(state)]
}

/** If the heartbeat's timer is late because the device slept, returns the step that gives the connection one more chance. */
export const probeAfterSleep = (state: Active, { now }: World): Step | null => {
  if (state.sleepGraceUsed || now - state.heartbeatDeadline <= SLEEP_GRACE) return null
  return [{ ...state, sleepGraceUsed: true, heartbeatDeadline: now + SLEEP_GRACE }, probe(state)]
}
