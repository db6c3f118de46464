import { isRevivable, type EndCode, type Resumption } from '../../protocol/index.js'
import { disconnected, stepActive } from './active.js'
import { connect, connecting, stepConnecting } from './connecting.js'
import { ended, type Fault, type Input, type State, type Step, type World } from './state.js'

/*
 * The session as a pure function: step(state, input, world) returns the next state and the effects to run. `step` makes the decisions.
 * Its inputs come from sockets, timers and the page, and the runner runs its effects.
 *
 * An input never comes from an earlier socket: the runner closes a socket before it opens another, and a closed socket gives no input
 * (transport.ts).
 *
 * Times are milliseconds of `now()` (clock.ts). A state holds deadlines, never timers: after each step the runner sets one timer for the
 * earliest deadline (`deadlineOf`). When the timer fires, the machine compares its deadlines with the clock.
 */

/**
 * If a user has too many sessions, one of them ends with this code: the one that has been detached for longest. If none is detached, it is
 * the one that has been hidden for longest. If none is hidden, it is the oldest one.
 */
export const TOO_MANY_SESSIONS: EndCode = 'too-many-sessions'

/** Returns the code of the error with which the session ended, or with which its last attempt failed; empty if there is no error. */
export const errorCodeOf = ({ error }: { name: string; error?: Fault | null }): string => error?.code ?? ''

/** Decides what `input` does to `state`. Pure: the same arguments give the same result. */
export const step = (state: State, input: Input, world: World): Step => {
  if (input.type === 'leave' && 'credentials' in state) {
    const { at, code, info } = input
    const next = 'socket' in state ? state : disconnected(state)
    // A freeze comes as `page-asleep`. The browser also freezes a page in its cache, but such a page stays `page-hidden`.
    if (at === 'page-asleep' && next.socket.at === 'page-hidden') return [state]
    // The user may sign out before the page comes back, so the credentials are discarded. `discard` keeps those that no source can replace.
    return [
      { ...next, info: info ?? next.info, socket: { at }, credentials: { at: 'held' }, expiresAt: Infinity },
      { do: 'discard', which: 'all' },
      { do: 'close', code },
    ]
  }
  if ('socket' in state) return stepConnecting(state, input, world)
  if (state.name === 'active') return stepActive(state, input, world)
  if (input.type === 'end') return [ended]
  const code = errorCodeOf(state)
  // If the session ended to make room for a newer one of the user, it starts again when its page becomes visible.
  const revived =
    input.type === 'credentials'
      ? isRevivable(code)
      : input.type === 'wake' && !world.hidden && code === TOO_MANY_SESSIONS
  if (input.type !== 'start' && !revived) return [state]
  // A session that ended or failed with an error goes on from its last message. Only `start` has `resume`.
  const resume = (input as { resume?: Resumption | null | undefined }).resume ?? state.cursor
  // The page has what the server drew, not what an earlier page of the tab received. So `since` replaces the position in `resume`.
  const cursor = world.since ? { key: '', ...resume, ...world.since } : resume
  return connect({ ...connecting('starting'), cursor }, world)
}
