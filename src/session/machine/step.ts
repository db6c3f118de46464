import { stepActive } from './active.js'
import { stepConnecting } from './connecting.js'
import { stepInactive } from './inactive.js'
import type { Input, State, Step, World } from './state.js'

/*
 * The session as a pure function: step(state, input, world) returns the next state and the effects to run. `step` makes the decisions.
 * Its inputs come from connections, timers and the page, and the runner runs its effects.
 *
 * An input never comes from an earlier connection: the runner closes a connection before it opens another, and a closed connection gives
 * no input (transports/connection.ts).
 *
 * Times are milliseconds of `now()` (clock.ts). A state holds deadlines, never timers: after each step the runner sets one timer for the
 * earliest deadline (`deadlineOf`). When the timer fires, the machine compares its deadlines with the clock.
 */

/** Decides what `input` does to `state`. Pure: the same arguments give the same result. */
export const step = (state: State, input: Input, world: World): Step => {
  switch (state.name) {
    case 'starting':
    case 'reconnecting':
      return stepConnecting(state, input, world)
    case 'active':
      return stepActive(state, input, world)
    case 'idle':
    case 'ended':
    case 'failed':
      return stepInactive(state, input, world)
  }
}
