import type { Peer } from '../auth/authentication.js'
import type { Timer } from '../../util/timer.js'
import type { Slot } from '../limits/connection-limits.js'
import type { LiveSession } from '../sessions/live-session.js'
import type { PendingStart } from './connection-counter.js'
import type { EarlyFrames } from './early-frames.js'

/** The phase until `started` is sent. */
export interface OpeningState {
  readonly name: 'opening'
  readonly peer: Peer
  readonly slot: Slot
  readonly deadline: Timer
  start: PendingStart | undefined
  /** Removes the start from the queue of starts. Undefined if the start has not waited. */
  leaveQueue?: () => void
  session?: LiveSession
  readonly frames: EarlyFrames
}

/** The phase from `started` on. In `draining` the connection ends once the frames that came before are answered. */
interface LiveState {
  name: 'live' | 'draining'
  readonly session: LiveSession
}

export type ConnectionPhase = OpeningState | LiveState | { readonly name: 'closed' }
