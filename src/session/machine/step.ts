import { isRevivable, type EndCode } from '../../protocol/index.js'
import { disconnected, stepActive } from './active.js'
import { connect, connecting, stepConnecting } from './connecting.js'
import { ended, type Input, type State, type Step, type World } from './state.js'

/*
 * The session as a pure function: step(state, input, world) returns the next state and the effects to run. `step` makes the decisions.
 * Sockets, timers and the page feed it inputs, and the runner runs its effects.
 *
 * Every input of a socket comes from the newest socket: the runner closes a socket before it opens another, and a closed socket gives no
 * input (transport.ts).
 *
 * Times are milliseconds of `now()` (clock.ts). A state holds deadlines, never timers: after each step the runner sets one
 * timer for the earliest of them (`deadlineOf`), and when it fires the machine compares them with the clock.
 */

/**
 * If a user has too many sessions, one ends with this code: the one that has had no connection for longest, else the one hidden longest,
 * else the oldest.
 */
export const TOO_MANY_SESSIONS: EndCode = 'too-many-sessions'

/** Returns the code of the error with which the session ended, or its last attempt failed; empty if there is none. */
export const errorCodeOf = (state: State): string => ('error' in state && state.error?.code) || ''

/** Decides what `input` does to `state`. Pure: the same arguments give the same result. */
export const step = (state: State, input: Input, world: World): Step => {
  if (input.type === 'leave' && 'credentials' in state) {
    const { at, code, info } = input
    const next = 'socket' in state ? state : disconnected(state)
    // The browser freezes a page in its cache, too, and such a page stays `page-hidden`.
    if (at === 'page-asleep' && next.socket.at === 'page-hidden') return [state]
    // Credentials that a source can replace are discarded, because the user may sign out before the page comes back.
    return [
      { ...next, info: info ?? next.info, socket: { at }, credentials: { at: 'held' }, expiresAt: null },
      { do: 'discard', which: 'all' },
      { do: 'close', code },
    ]
  }
  if ('socket' in state) return stepConnecting(state, input, world)
  if (state.name === 'active') return stepActive(state, input, world)
  if (input.type === 'end') return [ended]
  const code = errorCodeOf(state)
  // A page that made room for a newer session of its user starts again when it becomes visible.
  const revived =
    input.type === 'credentials'
      ? isRevivable(code)
      : input.type === 'wake' && !world.hidden && code === TOO_MANY_SESSIONS
  if (input.type !== 'start' && !revived) return [state]
  // A session that has ended or failed by itself goes on from its last message.
  const resume = (input.type === 'start' ? input.resume : null) ?? state.cursor
  // The page does not have the messages that an earlier page of the tab received, but it has those that the server drew.
  const cursor = world.since ? { key: '', ...resume, ...world.since } : resume
  return connect({ ...connecting('starting'), cursor }, world)
}
