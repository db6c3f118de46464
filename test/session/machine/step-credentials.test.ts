// Steps of the machine that fetch, refresh and replace credentials.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { step } from '../../../src/session/machine/step.js'
import { deadlineOf, retryDeadlineOf } from '../../../src/session/machine/selectors.js'
import { idle, type Input, type State } from '../../../src/session/machine/state.js'
import { activeState, connectingState, DUE, nameOfEffect, nameOfState, NOW, world } from './states.js'
import {
  active,
  asked,
  backoffOf,
  closed,
  frame,
  refusedToken,
  run,
  start,
  started,
  withStart,
} from './stepping.js'

test('an accepted token resets the counts of failures', () => {
  const { state } = run(
    connectingState({ ...asked, rejections: 1, fetchFailures: 4 }),
    world(),
    { type: 'fetch-result', result: 'fresh' },
    started(),
  )
  const { rejections, fetchFailures } = active(state)
  assert.deepEqual([rejections, fetchFailures], [0, 0])
})

test('a first token that is refused is not fresh: its source is called twice before the start fails', () => {
  const { state, effects } = run(connectingState(withStart), world(), closed(4101))
  assert.deepEqual(effects, ['discard all', 'fetch-token rejected'])
  const fresh: Input = { type: 'fetch-result', result: 'fresh' }
  assert.equal(nameOfState(run(state, world(), fresh, closed(4101)).state), 'starting none fetching')
  assert.equal(
    nameOfState(run(state, world(), fresh, closed(4101), fresh, closed(4101)).state),
    'failed unauthenticated',
  )
})

test('two fresh tokens that are refused on the open connection end the session', () => {
  const fresh: Input = { type: 'fetch-result', result: 'fresh' }
  const asking = activeState({ credentials: { at: 'fetching', reason: 'expiring' } })
  const once = run(asking, world(), fresh, refusedToken)
  assert.deepEqual(active(once.state).credentials, { at: 'scheduled', until: NOW, reason: 'rejected' })
  const twice = run(once.state, world(), { type: 'time' }, fresh, refusedToken)
  assert.equal(nameOfState(twice.state), 'ended unauthenticated')
  assert.deepEqual(twice.last, ['discard all', 'send end', 'close'])
})

test('if a token that was set is refused, the session keeps its old one and renews it in time', () => {
  const { state, effects } = run(activeState(), world(), { type: 'credentials' }, refusedToken)
  assert.deepEqual(effects, ['send-token', 'discard newest', 'emit-error'])
  const { credentials, expiresAt } = active(state)
  assert.deepEqual(credentials, { at: 'scheduled', until: NOW + 54_000, reason: 'expiring' })
  assert.equal(expiresAt, NOW + 60_000)
})

test('a token that the gateway was unable to check is sent again, and an outage ends no session', () => {
  const unjudged = frame({
    type: 'refused',
    re: 'token',
    code: 'unavailable',
    message: 'Later.',
    retryable: true,
  })
  let state: State = activeState({ credentials: { at: 'sent', fetched: true, superseded: 0 } })
  for (let round = 0; round < 10; round += 1) {
    state = step(state, unjudged, world())[0]
    const time: number = deadlineOf({ ...active(state), heartbeatDeadline: Number.MAX_SAFE_INTEGER })
    assert.equal(time - NOW, 0.5 * Math.min(30_000, 1_000 * 2 ** round))
    const [next, ...effects] = step(
      { ...active(state), heartbeatDeadline: time + 1 },
      { type: 'time' },
      world({ now: time }),
    )
    assert.deepEqual(effects, [{ do: 'send-token' }])
    state = next
  }
  assert.equal(active(state).rejections, 0)
})

test('a token that is set while the old one expires is used', () => {
  for (const wanted of [closed(4102), closed(1006)]) {
    const { state, effects } = run(activeState({ expiresAt: NOW }), world(), { type: 'credentials' }, wanted)
    assert.deepEqual(effects, ['send-token', 'open with-start'])
    assert.equal(nameOfState(state), 'reconnecting opening-with-start held')
  }
})

test('a token is renewed a tenth of its lifetime before it expires: 5 s at least, 60 s at most', () => {
  const margins = [
    [3_600_000, 60_000],
    [600_001, 60_000],
    [300_000, 30_000],
    [50_000, 5_000],
    [20_000, 5_000],
    [10_000, 5_000],
  ] as const
  for (const [expiresIn, margin] of margins) {
    const { state } = run(connectingState(withStart), world(), started({ expiresIn }))
    assert.deepEqual(active(state).credentials, {
      at: 'scheduled',
      until: NOW + expiresIn - margin,
      reason: 'expiring',
    })
    assert.equal(active(state).expiresAt, NOW + expiresIn)
  }
})

test('a source that returns the same token until it expires is called a few times, not in a loop', () => {
  let state: State = activeState()
  let now = NOW
  let asks = 0
  const expiry = NOW + 60_000
  while (now < expiry - 1 && asks < 1_000) {
    state = step(state, frame({ type: 'renewed', expiresIn: expiry - now }), world({ now }))[0]
    const { credentials } = active(state)
    assert.ok(credentials.at === 'scheduled' && credentials.until > now)
    now = credentials.until
    asks += 1
  }
  assert.ok(asks < 20, String(asks))
})

test('credentials that do not expire are not renewed', () => {
  const { state } = run(connectingState(withStart), world(), started({ expiresIn: null }))
  assert.equal(deadlineOf({ ...active(state), stableAt: Infinity, heartbeatDeadline: Infinity }), Infinity)
  assert.equal(active(state).expiresAt, Infinity)
})

test('a fetch that fails while the socket opens closes the socket, and is made again with the same reason', () => {
  const [fetching, ...begun] = step(idle, start, world({ credentials: 'fetchable' }))
  assert.deepEqual(begun.map(nameOfEffect), ['open', 'fetch-token first'])
  const failed: Input = { type: 'fetch-result', result: 'failed', cause: new Error('offline') }
  const [paused, ...effects] = step(fetching, failed, world())
  assert.deepEqual(effects.map(nameOfEffect), ['close', 'emit-error'])
  assert.equal(retryDeadlineOf(paused), NOW + 500)
  const again = step(paused, { type: 'time' }, world({ now: NOW + 500 }))
  assert.deepEqual(again.slice(1), [{ do: 'fetch-token', reason: 'first' }])
  // The network's failure is no refusal of credentials.
  const { state } = run(fetching, world(), closed(1006), failed)
  assert.deepEqual(step(state, { type: 'wake' }, world()).slice(1), [{ do: 'fetch-token', reason: 'first' }])
})

test('fetches that fail in a row are made further apart, up to 30 s, without end', () => {
  let state: State = connectingState(asked)
  for (const limit of [1, 2, 4, 8, 16, 30, 30, 30]) {
    state = step(state, { type: 'fetch-result', result: 'failed', cause: 'offline' }, world())[0]
    assert.equal(backoffOf(state), 500 * limit)
    state = step(state, { type: 'wake' }, world())[0]
  }
})

test('a renewal that fails is made again, and the session stays', () => {
  let state: State = activeState({ credentials: { at: 'fetching', reason: 'rejected' } })
  for (const limit of [1, 2, 4, 8, 16, 30, 30]) {
    state = step(state, { type: 'fetch-result', result: 'failed', cause: 'offline' }, world())[0]
    assert.deepEqual(active(state).credentials, {
      at: 'scheduled',
      until: NOW + 500 * limit,
      reason: 'rejected',
    })
    state = step(
      { ...active(state), heartbeatDeadline: NOW * 2 },
      { type: 'time' },
      world({ now: NOW + 500 * limit }),
    )[0]
  }
})

test('credentials that expired while offline are fetched before a socket is opened', () => {
  const state = connectingState({
    socket: { at: 'backoff', until: NOW },
    expiresAt: NOW,
    connectFailures: 2,
    credentials: { at: 'held' },
  })
  for (const type of ['time', 'wake'] as const) {
    const { state: next, effects } = run(state, world(), { type })
    assert.deepEqual(effects, ['discard all', 'fetch-token expiring'])
    assert.equal(nameOfState(next), 'starting none fetching')
    assert.equal('error' in next && next.error?.code, 'token-expired')
  }
})

test('credentials that are set while a session is resumed do not end it', () => {
  const state = connectingState({
    name: 'reconnecting',
    socket: { at: 'start-sent', until: DUE },
    cursor: { key: 'k', epoch: 'e', offset: 3 },
  })
  const { effects } = run(state, world(), { type: 'credentials' })
  assert.deepEqual(effects, ['close', 'open with-start'])
})

test('credentials that are set while a page that a server drew starts end the session that nobody would resume', () => {
  const state = connectingState({
    socket: { at: 'start-sent', until: DUE },
    cursor: { key: null, epoch: 'e', offset: 3 },
  })
  const { effects } = run(state, world(), { type: 'credentials' })
  assert.deepEqual(effects, ['send end', 'close', 'open with-start'])
})

test('if only this device’s clock says that credentials expired, and nothing replaces them, the gateway decides', () => {
  const state = connectingState({
    name: 'reconnecting',
    socket: { at: 'backoff', until: NOW },
    expiresAt: NOW,
  })
  const unanswered: Input = { type: 'fetch-result', result: 'no-source' }
  const tried = run(state, world(), { type: 'time' }, unanswered)
  assert.deepEqual(tried.effects, ['discard all', 'fetch-token expiring', 'open with-start'])
  const refused = run(tried.state, world(), closed(4102), unanswered)
  assert.equal(nameOfState(refused.state), 'ended token-expired')
})

test('the error of a fetch that fails is that of the session, and a session that then has no source waits for credentials', () => {
  const cause = new Error('The token URL answered 200.')
  const fetching = connectingState({
    socket: { at: 'none' },
    credentials: { at: 'fetching', reason: 'first' },
  })
  const [failed] = step(fetching, { type: 'fetch-result', result: 'failed', cause }, world())
  assert.ok('error' in failed)
  assert.deepEqual(failed.error, { code: 'unavailable', message: String(cause), cause })
  const later = world({ now: NOW + 60_000 })
  const { state } = run(failed, later, { type: 'time' }, { type: 'fetch-result', result: 'no-source' })
  assert.equal(nameOfState(state), 'failed no-credentials')
  const [revived] = step(state, { type: 'credentials' }, later)
  assert.equal(revived.name, 'starting')
})
