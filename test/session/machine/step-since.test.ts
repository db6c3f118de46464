import assert from 'node:assert/strict'
import { test } from 'node:test'
import { step } from '../../../src/session/machine/step.js'
import { idle, type Input, type State, type World } from '../../../src/session/machine/state.js'
import { start, started } from './stepping.js'
import { world } from './states.js'

const cursorAfter = (state: State, at: World, ...inputs: Input[]): unknown => {
  for (const input of inputs) [state] = step(state, input, at)
  return 'cursor' in state ? state.cursor : undefined
}

const since = { epoch: 'e', offset: 7 }

test('a page that a server drew has a position without a session', () => {
  assert.deepEqual(cursorAfter(idle, world({ since }), start), { key: null, ...since })
  assert.equal(cursorAfter(idle, world(), start), null)
})

test('the session of the tab goes on from where the server drew the page', () => {
  const resume = { key: 'k', epoch: 'e', offset: 9 }
  assert.deepEqual(cursorAfter(idle, world({ since }), { type: 'start', stored: resume }), {
    key: 'k',
    ...since,
  })
  assert.deepEqual(cursorAfter(idle, world(), { type: 'start', stored: resume }), resume)
})

test('a page that comes back from the cache takes the session of the page after it, and its own position', () => {
  const resume = { key: 'k', epoch: 'e', offset: 9 }
  const shown: Input = { type: 'show', stored: resume }
  const cursor = cursorAfter(
    idle,
    world(),
    start,
    started({ epoch: 'e', offset: 5, resumeKey: 'own' }),
    { type: 'leave', phase: 'left' },
    shown,
  )
  assert.deepEqual(cursor, { key: 'k', epoch: 'e', offset: 5 })
  const withoutPosition = cursorAfter(idle, world(), start, { type: 'leave', phase: 'left' }, shown)
  assert.deepEqual(withoutPosition, { key: 'k', epoch: 'e', offset: 9 })
})
