import type { Active, Effect, Step, World } from './state.js'

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

const probe = ({ cursor }: Active): Effect => ({ do: 'probe', position: cursor })

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
