// Helpers of the tests of `step`: inputs, states, and a run of several steps.
import assert from 'node:assert/strict'
import type { GatewayFrameOf } from '../../../src/protocol/index.js'
import { step } from '../../../src/session/machine/step.js'
import { retryDeadlineOf } from '../../../src/session/machine/selectors.js'
import type { Active, Input, SessionFrame, State, World } from '../../../src/session/machine/state.js'
import { info, nameOfEffect, NOW } from './states.js'

/** A close, perhaps after an `ended` frame. */
export const closed = (code: number, reason?: GatewayFrameOf<'ended'>): Input => ({
  type: 'closed',
  code,
  reason,
})
export const start: Input = { type: 'start', stored: 'absent' }
export const frame = (of: SessionFrame): Input => ({ type: 'frame', frame: of })
export const refusedToken = frame({
  type: 'refused',
  re: 'token',
  code: 'unauthenticated',
  message: 'No.',
  retryable: false,
})
export const started = (changes: Partial<typeof info> = {}): Input => frame({ ...info, ...changes })

/** Steps one input after the other. */
export const run = (
  state: State,
  at: World,
  ...inputs: Input[]
): { state: State; effects: string[]; last: string[] } => {
  const effects: string[] = []
  let last: string[] = []
  for (const input of inputs) {
    const [next, ...done] = step(state, input, at)
    state = next
    last = done.map(nameOfEffect)
    effects.push(...last)
  }
  return { state, effects, last }
}

export const active = (state: State): Active => {
  assert.equal(state.name, 'active')
  return state
}

/** Returns the milliseconds until the next attempt; NaN if none is scheduled. */
export const backoffOf = (state: State): number => (retryDeadlineOf(state) ?? Number.NaN) - NOW
export const withStart = {
  socket: { at: 'opening-with-start', until: NOW + 20_000 },
  credentials: { at: 'held' },
} as const
export const asked = { socket: { at: 'none' }, credentials: { at: 'fetching', reason: 'first' } } as const
