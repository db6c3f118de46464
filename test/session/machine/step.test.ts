import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GatewayFrame } from '../../../src/protocol/index.js'
import { step } from '../../../src/session/machine/step.js'
import {
  deadlineOf,
  idle,
  retryDeadlineOf,
  type Active,
  type Input,
  type State,
  type World,
} from '../../../src/session/machine/state.js'
import {
  activeState,
  ATTEMPT,
  connectingState,
  DUE,
  info,
  nameOfEffect,
  nameOfState,
  NOW,
  world,
} from './states.js'

const attempt = ATTEMPT
const closed = (code: number): Input => ({ type: 'closed', _attempt: attempt, code })
const frame = (of: GatewayFrame): Input => ({ type: 'frame', _attempt: attempt, frame: of })
const refusedToken = frame({
  type: 'refused',
  re: 'token',
  code: 'unauthenticated',
  message: 'No.',
  retryable: false,
})
const started = (changes: Partial<typeof info> = {}): Input => frame({ ...info, ...changes })

/** Steps one input after the other; attempts are always the state's own. */
const run = (
  state: State,
  at: World,
  ...inputs: Input[]
): { state: State; effects: string[]; last: string[] } => {
  const effects: string[] = []
  let last: string[] = []
  for (const input of inputs) {
    const own = '_attempt' in input && '_attempt' in state ? { ...input, _attempt: state._attempt } : input
    const [next, ...done] = step(state, own, at)
    state = next
    last = done.map(nameOfEffect)
    effects.push(...last)
  }
  return { state, effects, last }
}

const active = (state: State): Active => {
  assert.equal(state.name, 'active')
  return state
}

const pauseOf = (state: State): number => (retryDeadlineOf(state) ?? Number.NaN) - NOW
const withStart = {
  _socket: { at: 'opening-with-start', until: NOW + 20_000 },
  credentials: { at: 'held' },
} as const
const asked = { _socket: { at: 'none' }, credentials: { at: 'fetching', reason: 'first' } } as const

test('the first loss is tried again at once; then pauses are anything up to a limit that doubles to 30 s', () => {
  const [first, ...effects] = step(
    connectingState({ ...withStart, _connectFailures: 0 }),
    closed(1006),
    world({ random: 0.99 }),
  )
  assert.equal(nameOfState(first), 'starting opening held')
  assert.deepEqual(effects.map(nameOfEffect), ['open'])
  const limits = [1, 2, 4, 8, 16, 30, 30, 30].map((seconds) => seconds * 1_000)
  for (const [at, limit] of limits.entries())
    for (const random of [0.001, 0.25, 0.5, 0.999_999]) {
      const { state } = run(
        connectingState({ ...withStart, _connectFailures: at + 1 }),
        world({ random }),
        closed(1006),
      )
      assert.ok(Math.abs(pauseOf(state) - random * limit) < 1e-6)
    }
})

test('failed attempts are forgotten when a connection has lived for 10 s, and not when it opens', () => {
  const { state } = run(connectingState({ ...withStart, _connectFailures: 4 }), world(), started())
  assert.equal(active(state)._connectFailures, 4)
  const early = step(state, { type: 'time' }, world({ now: NOW + 9_999 }))[0]
  assert.equal(active(early)._connectFailures, 4)
  assert.ok(pauseOf(step(early, closed(1006), world())[0]) > 0)
  const late = step(state, { type: 'time' }, world({ now: NOW + 10_000 }))[0]
  assert.equal(active(late)._connectFailures, 0)
  assert.deepEqual(
    step(late, closed(1006), world())
      .slice(1)
      .map((effect) => nameOfEffect(effect as never)),
    ['open with-start'],
  )
})

test('an offset beyond the inbox’s newest, in the same epoch, loses no later message', () => {
  const cursor = { key: 'k', epoch: info.epoch, offset: info.offset + 7 }
  const { state } = run(connectingState({ ...withStart, _cursor: cursor }), world(), started({ lost: true }))
  assert.equal(active(state)._cursor.offset, 0)
})

test('the session waits for the gateway’s `retryAfter`', () => {
  const ended = frame({
    type: 'ended',
    code: 'unavailable',
    message: 'Drain.',
    retryable: true,
    retryAfter: 7_000,
  })
  for (const state of [connectingState({ ...withStart, _connectFailures: 0 }), activeState()]) {
    const after = run(state, world(), ended, closed(4503)).state
    assert.equal(pauseOf(after), 7_000)
    assert.equal('error' in after && after.error?.message, 'Drain.')
  }
})

test('a socket that closes with 1001 is opened again a second later, if the page is still there', () => {
  const { state } = run(activeState(), world(), closed(1001))
  assert.equal(pauseOf(state), 1_000)
  assert.deepEqual(run(state, world(), { type: 'hide' }).effects, ['discard all', 'close'])
  assert.deepEqual(run(state, world({ now: NOW + 1_000 }), { type: 'time' }).effects, ['open with-start'])
})

test('the `ended` frame of one connection explains no loss of the next', () => {
  const ended = frame({
    type: 'ended',
    code: 'unavailable',
    message: 'Drain.',
    retryable: true,
    retryAfter: 0,
  })
  const { state } = run(
    connectingState({ ...withStart, _connectFailures: 0 }),
    world(),
    ended,
    closed(4503),
    closed(1006),
  )
  assert.deepEqual('error' in state && state.error, { code: 'unavailable' })
})

test('two fresh tokens that are refused in a row fail the start', () => {
  const rounds: Input[] = [{ type: 'fetch-result', _result: 'fresh' }, closed(4101)]
  const once = run(connectingState(asked), world(), ...rounds)
  assert.equal(nameOfState(once.state), 'starting none fetching')
  const twice = run(once.state, world(), ...rounds)
  assert.equal(nameOfState(twice.state), 'failed unauthenticated')
  assert.deepEqual(twice.last, ['discard all'])
})

test('an accepted token resets the counts of failures', () => {
  const { state } = run(
    connectingState({ ...asked, _rejections: 1, _fetchFailures: 4 }),
    world(),
    { type: 'fetch-result', _result: 'fresh' },
    started(),
  )
  const { _rejections: rejections, _fetchFailures: fetchFailures } = active(state)
  assert.deepEqual([rejections, fetchFailures], [0, 0])
})

test('a first token that is refused is not fresh: its source is called twice before the start fails', () => {
  const { state, effects } = run(connectingState(withStart), world(), closed(4101))
  assert.deepEqual(effects, ['discard all', 'fetch-token rejected'])
  const fresh: Input = { type: 'fetch-result', _result: 'fresh' }
  assert.equal(nameOfState(run(state, world(), fresh, closed(4101)).state), 'starting none fetching')
  assert.equal(
    nameOfState(run(state, world(), fresh, closed(4101), fresh, closed(4101)).state),
    'failed unauthenticated',
  )
})

test('two fresh tokens that are refused on the open connection end the session', () => {
  const fresh: Input = { type: 'fetch-result', _result: 'fresh' }
  const asking = activeState({ _renewal: { at: 'fetching', reason: 'expiring' } })
  const once = run(asking, world(), fresh, refusedToken)
  assert.deepEqual(active(once.state)._renewal, { at: 'scheduled', time: NOW, reason: 'rejected' })
  const twice = run(once.state, world(), { type: 'time' }, fresh, refusedToken)
  assert.equal(nameOfState(twice.state), 'ended unauthenticated')
  assert.deepEqual(twice.last, ['discard all', 'send end', 'close'])
})

test('if a token that was set is refused, the session keeps its old one and renews it in time', () => {
  const { state, effects } = run(activeState(), world(), { type: 'credentials' }, refusedToken)
  assert.deepEqual(effects, ['send-token', 'discard newest', 'emit-error'])
  const { _renewal: renewal, _expiresAt: expiresAt } = active(state)
  assert.deepEqual(renewal, { at: 'scheduled', time: NOW + 54_000, reason: 'expiring' })
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
  let state: State = activeState({ _renewal: { at: 'sent', _fetched: true, _superseded: 0 } })
  for (let round = 0; round < 10; round += 1) {
    state = step(state, unjudged, world())[0]
    const time: number = deadlineOf({ ...active(state), _heartbeatDeadline: Number.MAX_SAFE_INTEGER }) ?? 0
    assert.equal(time - NOW, 0.5 * Math.min(30_000, 1_000 * 2 ** round))
    const [next, ...effects] = step(
      { ...active(state), _heartbeatDeadline: time + 1 },
      { type: 'time' },
      world({ now: time }),
    )
    assert.deepEqual(effects, [{ do: 'send-token' }])
    state = next
  }
  assert.equal(active(state)._rejections, 0)
})

test('a token that is set while the old one expires is used', () => {
  for (const wanted of [closed(4102), closed(1006)]) {
    const { state, effects } = run(activeState({ _expiresAt: NOW }), world(), { type: 'credentials' }, wanted)
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
    assert.deepEqual(active(state)._renewal, {
      at: 'scheduled',
      time: NOW + expiresIn - margin,
      reason: 'expiring',
    })
    assert.equal(active(state)._expiresAt, NOW + expiresIn)
  }
})

test('a source that returns the same token until it expires is called a few times, not in a loop', () => {
  let state: State = activeState()
  let now = NOW
  let asks = 0
  const expiry = NOW + 60_000
  while (now < expiry - 1 && asks < 1_000) {
    state = step(state, frame({ type: 'renewed', expiresIn: expiry - now }), world({ now }))[0]
    const { _renewal: renewal } = active(state)
    assert.ok(renewal?.at === 'scheduled' && renewal.time > now)
    now = renewal.time
    asks += 1
  }
  assert.ok(asks < 20, String(asks))
})

test('credentials that do not expire are not renewed', () => {
  const { state } = run(connectingState(withStart), world(), started({ expiresIn: null }))
  assert.equal(active(state)._renewal, null)
  assert.equal(active(state)._expiresAt, null)
})

test('a fetch that fails while the socket opens closes the socket, and is made again with the same reason', () => {
  const [fetching, ...begun] = step(idle, { type: 'start' }, world({ credentials: 'fetchable' }))
  assert.deepEqual(begun.map(nameOfEffect), ['open', 'fetch-token first'])
  const failed: Input = { type: 'fetch-result', _result: 'failed', cause: new Error('offline') }
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
    state = step(state, { type: 'fetch-result', _result: 'failed' }, world())[0]
    assert.equal(pauseOf(state), 500 * limit)
    state = step(state, { type: 'wake' }, world())[0]
  }
})

test('a renewal that fails is made again, and the session stays', () => {
  let state: State = activeState({ _renewal: { at: 'fetching', reason: 'rejected' } })
  for (const limit of [1, 2, 4, 8, 16, 30, 30]) {
    state = step(state, { type: 'fetch-result', _result: 'failed' }, world())[0]
    assert.deepEqual(active(state)._renewal, { at: 'scheduled', time: NOW + 500 * limit, reason: 'rejected' })
    state = step(
      { ...active(state), _heartbeatDeadline: NOW * 2 },
      { type: 'time' },
      world({ now: NOW + 500 * limit }),
    )[0]
  }
})

test('after an attempt that never opened, the start goes as the first frame; after one without it, in the header', () => {
  const connectFailures = 0
  const refused = run(
    connectingState({ ...withStart, _connectFailures: connectFailures }),
    world(),
    closed(1006),
  )
  assert.deepEqual(refused.effects, ['open'])
  assert.deepEqual(run(refused.state, world(), { type: 'opened', _attempt: attempt }).effects, ['send-start'])
  const random = 0
  const again = run(refused.state, world({ random }), closed(1006))
  assert.deepEqual(again.effects, ['open with-start'])
})

test('a handshake without an answer has failed: the next start goes as the first frame', () => {
  const late = world({ now: NOW + 20_000 })
  const { state, effects } = run(connectingState({ ...withStart, _connectFailures: 0 }), late, {
    type: 'time',
  })
  assert.deepEqual(effects, ['close', 'open'])
  assert.equal(nameOfState(state), 'starting opening held')
})

test('a start that worked as the first frame stays one for the life of the session', () => {
  const opened: Input = { type: 'opened', _attempt: attempt }
  const { state } = run(
    connectingState({ ...withStart, _connectFailures: 0 }),
    world(),
    closed(1006),
    opened,
    started(),
  )
  assert.deepEqual(run({ ...active(state), _connectFailures: 0 }, world(), closed(1006)).effects, ['open'])
})

test('after a connection that opened and was lost the start stays in the header', () => {
  const opened: Input = { type: 'opened', _attempt: attempt }
  const { effects } = run(
    connectingState({ ...withStart, _connectFailures: 0 }),
    world(),
    opened,
    closed(4503),
  )
  assert.deepEqual(effects, ['open with-start'])
})

test('if the heartbeat’s timer fires late the device slept: the connection is probed, and gets 2 s more, once', () => {
  const slept = world({ now: NOW + 3_600_000 })
  const [woken, ...probe] = step(activeState(), { type: 'time' }, slept)
  assert.deepEqual(probe.map(nameOfEffect), ['send history'])
  assert.equal(active(woken)._heartbeatDeadline, slept.now + 2_000)
  const received = step(woken, frame({ type: 'ping' }), slept)[0]
  assert.equal(active(received)._heartbeatDeadline, slept.now + 35_000)
  assert.equal(
    active(step(received, { type: 'time' }, world({ now: slept.now + 40_000 }))[0])._sleepGraceUsed,
    true,
  )
  // A throttled timer is late every time: a dead connection must not live on for that.
  const [dead, ...effects] = step(woken, { type: 'time' }, world({ now: slept.now + 60_000 }))
  assert.equal(dead.name, 'reconnecting')
  assert.equal(nameOfEffect(effects[0] ?? { do: 'send-start' }), 'close')
})

test('a connection is dead after a ping interval and 10 s without a frame; every frame moves the deadline', () => {
  const { state } = run(connectingState(withStart), world(), started({ pingInterval: 1_000 }))
  assert.equal(active(state)._heartbeatDeadline, NOW + 11_000)
  const received = step(
    state,
    frame({ type: 'unread', unread: 1, readOffset: 0 }),
    world({ now: NOW + 5_000 }),
  )[0]
  assert.equal(active(received)._heartbeatDeadline, NOW + 16_000)
})

test('credentials that expired while offline are fetched before a socket is opened', () => {
  const state = connectingState({
    _socket: { at: 'backoff', until: NOW },
    _expiresAt: NOW,
    _connectFailures: 2,
    credentials: { at: 'held' },
  })
  for (const type of ['time', 'wake'] as const) {
    const { state: next, effects } = run(state, world(), { type })
    assert.deepEqual(effects, ['discard all', 'fetch-token expiring'])
    assert.equal(nameOfState(next), 'starting none fetching')
    assert.equal('error' in next && next.error?.code, 'token-expired')
  }
})

test('a session whose token expired and that has no source ends as token-expired', () => {
  const { state } = run(activeState({ _renewal: null }), world(), closed(4102), {
    type: 'fetch-result',
    _result: 'no-source',
  })
  assert.equal(nameOfState(state), 'ended token-expired')
})

test('`user` and `unread` frames change what the session knows', () => {
  const user: GatewayFrame = { type: 'user', user: { id: 'ann', name: 'Ann' } }
  const unread: GatewayFrame = { type: 'unread', unread: 7, readOffset: 0 }
  const { state } = run(activeState(), world(), frame(user), frame(unread))
  assert.deepEqual(active(state)._info, { ...info, user: user.user, unread: 7 })
})

test('the token that the gateway gave replaces the credentials that were sent', () => {
  const [, keep] = step(connectingState(withStart), started({ token: 'a.b.c' }), world())
  assert.deepEqual(keep, { do: 'accept-credentials', token: 'a.b.c' })
})

test('a user who signed out ends the session, and its credentials are forgotten', () => {
  const renewing = activeState({ _renewal: { at: 'fetching', reason: 'expiring' } })
  const { state, effects } = run(renewing, world(), { type: 'fetch-result', _result: 'signed-out' })
  assert.equal(nameOfState(state), 'ended signed-out')
  assert.deepEqual(effects, ['discard all', 'send end', 'close'])
})

test('credentials that are set while a session is resumed do not end it', () => {
  const state = connectingState({
    name: 'reconnecting',
    _socket: { at: 'start-sent', until: DUE },
    _cursor: { key: 'k', epoch: 'e', offset: 3 },
  })
  const { effects } = run(state, world(), { type: 'credentials' })
  assert.deepEqual(effects, ['close', 'open with-start'])
})

const windows = [
  // Milliseconds of the window, and those from which a visible page and a hidden one draw.
  [0, 0, 0],
  [1_000, 1_000, 1_000],
  [5_000, 2_000, 5_000],
  [60_000, 12_000, 60_000],
] as const
for (const [reconnectWindow, visible, hidden] of windows)
  test(`after a loss without a reason the first attempt waits a random part of ${reconnectWindow} ms; a visible page of ${visible}`, () => {
    const state = activeState({ _info: { ...info, reconnectWindow } })
    for (const random of [0.001, 0.5, 0.999])
      for (const [isHidden, limit] of [
        [false, visible],
        [true, hidden],
      ] as const) {
        const at = world({ random, hidden: isHidden })
        const lost = run(state, at, closed(1006))
        if (limit === 0) assert.deepEqual(lost.effects, ['open with-start'])
        else assert.ok(Math.abs(pauseOf(lost.state) - random * limit) < 1e-6)
        const silent = run(state, { ...at, now: NOW + 35_000 }, { type: 'time' })
        const opens = silent.effects.includes('open with-start')
        assert.equal(opens, limit === 0)
        if (!opens) assert.ok(Math.abs(pauseOf(silent.state) - 35_000 - random * limit) < 1e-6)
      }
  })

test('in the window `wake` tries at once, and after the first attempt the pauses are backoff', () => {
  const state = activeState({ _info: { ...info, reconnectWindow: 60_000 } })
  const lost = run(state, world(), closed(1006)).state
  assert.deepEqual(run(lost, world(), { type: 'wake' }).effects, ['open with-start'])
  const again = run(lost, world({ random: 0.999 }), { type: 'wake' }, closed(1006)).state
  assert.ok(pauseOf(again) < 1_000)
})

test('a loss with a reason is tried again at once, or after `retryAfter`, whatever the window', () => {
  const state = activeState({ _info: { ...info, reconnectWindow: 60_000 } })
  const ended = (retryAfter?: number): Input =>
    frame({
      type: 'ended',
      code: 'unavailable',
      message: 'Drain.',
      retryable: true,
      ...(retryAfter !== undefined && { retryAfter }),
    })
  assert.deepEqual(run(state, world(), closed(4503)).effects, ['open with-start'])
  assert.deepEqual(run(state, world(), ended(), closed(1006)).effects, ['open with-start'])
  assert.equal(pauseOf(run(state, world(), ended(7_000), closed(1006)).state), 7_000)
})

test('a connection that was not stable waits for the longer of the window and the backoff', () => {
  const state = activeState({ _connectFailures: 6, _info: { ...info, reconnectWindow: 4_000 } })
  assert.equal(pauseOf(run(state, world(), closed(1006)).state), 15_000)
})

test('a session that made room for others starts again by `wake`, and not once it was ended', () => {
  const ended = run(activeState(), world(), closed(4429)).state
  assert.equal(nameOfState(ended), 'ended too-many-sessions')
  const again = run(ended, world(), { type: 'wake' })
  assert.equal(nameOfState(again.state), 'starting opening-with-start held')
  assert.deepEqual(run(ended, world(), { type: 'end' }, { type: 'wake' }).effects, [])
})

test('if only this device’s clock says that credentials expired, and nothing replaces them, the gateway decides', () => {
  const state = connectingState({
    name: 'reconnecting',
    _socket: { at: 'backoff', until: NOW },
    _expiresAt: NOW,
  })
  const unanswered: Input = { type: 'fetch-result', _result: 'no-source' }
  const tried = run(state, world(), { type: 'time' }, unanswered)
  assert.deepEqual(tried.effects, ['discard all', 'fetch-token expiring', 'open with-start'])
  const refused = run(tried.state, world(), closed(4102), unanswered)
  assert.equal(nameOfState(refused.state), 'ended token-expired')
})
