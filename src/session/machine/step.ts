import { isRevivable, pageCloseCodes } from '../../protocol/index.js'
import { disconnected, stepActive } from './active.js'
import { connect, connecting, stepConnecting } from './connecting.js'
import type { Connecting, Effect, Input, State, Step, World } from './state.js'

/*
 * The session as a pure function: step(state, input, world) answers the next state and what is to be done about it.
 * It holds every opinion; sockets, timers and the page feed it, and what runs its effects has none.
 *
 * Times are Unix times in milliseconds. A state holds deadlines, never timers: after each step one timer is set for
 * the earliest of them (`deadlineOf`), and when it fires the machine judges by the clock.
 */

/** What a source of tokens can replace is forgotten: whoever comes back may be signed out. */
const letGo = (state: Connecting, at: 'away' | 'frozen', drop: Effect): Step => [
  { ...state, line: { at }, proof: { at: 'held' }, lapsesAt: null },
  { do: 'discard', what: 'all' },
  drop,
]

/** Decides what `input` means in `state`. Pure: the same arguments give the same answer. */
export const step = (state: State, input: Input, world: World): Step => {
  const late = 'attempt' in input && 'attempt' in state && input.attempt !== state.attempt
  if (late) return [state]
  if ((input.type === 'hide' || input.type === 'freeze') && 'attempt' in state) {
    const left = 'line' in state ? state : disconnected(state)
    if (input.type === 'hide') return letGo(left, 'away', { do: 'drop', close: pageCloseCodes.hidden })
    // A page that goes into the browser's cache is frozen there. Any other is held for as long as a lost one.
    return left.line.at === 'away' ? [state] : letGo(left, 'frozen', { do: 'drop' })
  }
  if ('line' in state) return stepConnecting(state, input, world)
  if (state.name === 'active') return stepActive(state, input, world)
  if (input.type === 'end') return [{ name: 'ended', error: null }]
  const revived = input.type === 'credentials' && 'error' in state && isRevivable(state.error?.code ?? '')
  if (input.type !== 'start' && !revived) return [state]
  const cursor = input.type === 'start' ? (input.resume ?? null) : null
  return connect({ ...connecting('starting'), cursor }, world)
}
