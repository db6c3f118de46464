import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GatewayFrame } from '../../src/protocol/index.js'
import { step } from '../../src/session/machine/step.js'
import {
  deadlineOf,
  idle,
  retryAtOf,
  type Active,
  type Input,
  type State,
  type World,
} from '../../src/session/machine/state.js'
import {
  activeState,
  ATTEMPT,
  connectingState,
  DUE,
  facts,
  nameOfEffect,
  nameOfState,
  NOW,
  world,
} from './states.js'

const attempt = ATTEMPT
const closed = (close: number): Input => ({ type: 'closed', attempt, close })
const frame = (of: GatewayFrame): Input => ({ type: 'frame', attempt, frame: of })
const refusedToken = frame({
  type: 'refused',
  re: 'token',
  code: 'unauthenticated',
  message: 'No.',
  retryable: false,
})
const started = (changes: Partial<typeof facts> = {}): Input => frame({ ...facts, ...changes })

/** Steps one input after the other; attempts are always the state's own. */
const run = (
  state: State,
  at: World,
  ...inputs: Input[]
): { state: State; effects: string[]; last: string[] } => {
  const effects: string[] = []
  let last: string[] = []
  for (const input of inputs) {
    const own = 'attempt' in input && 'attempt' in state ? { ...input, attempt: state.attempt } : input
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

const pauseOf = (state: State): number => (retryAtOf(state) ?? Number.NaN) - NOW
const calling = { line: { at: 'calling', until: NOW + 20_000 }, proof: { at: 'held' } } as const
const asked = { line: { at: 'none' }, proof: { at: 'asked', reason: 'first' } } as const

test('the first loss is tried again at once; then pauses are anything up to a limit that doubles to 30 s', () => {
  const [first, ...effects] = step(
    connectingState({ ...calling, failures: 0 }),
    closed(1006),
    world({ random: 0.99 }),
  )
  assert.equal(nameOfState(first), 'starting opening held')
  assert.deepEqual(effects.map(nameOfEffect), ['open'])
  const limits = [1, 2, 4, 8, 16, 30, 30, 30].map((seconds) => seconds * 1_000)
  for (const [at, limit] of limits.entries())
    for (const random of [0.001, 0.25, 0.5, 0.999_999]) {
      const { state } = run(
        connectingState({ ...calling, failures: at + 1 }),
        world({ random }),
        closed(1006),
      )
      assert.ok(Math.abs(pauseOf(state) - random * limit) < 1e-6)
    }
})

test('failures are forgotten when a connection has lived for 10 s, and not when it opens', () => {
  const { state } = run(connectingState({ ...calling, failures: 4 }), world(), started())
  assert.equal(active(state).failures, 4)
  const early = step(state, { type: 'time' }, world({ now: NOW + 9_999 }))[0]
  assert.equal(active(early).failures, 4)
  assert.ok(pauseOf(step(early, closed(1006), world())[0]) > 0)
  const late = step(state, { type: 'time' }, world({ now: NOW + 10_000 }))[0]
  assert.equal(active(late).failures, 0)
  assert.deepEqual(
    step(late, closed(1006), world())
      .slice(1)
      .map((effect) => nameOfEffect(effect as never)),
    ['open greeting'],
  )
})

test('an offset that the inbox has not come to, in the same epoch, is no reason to miss what comes', () => {
  const cursor = { key: 'k', epoch: facts.epoch, offset: facts.offset + 7 }
  const { state } = run(connectingState({ ...calling, cursor }), world(), started({ lost: true }))
  assert.equal(active(state).cursor.offset, 0)
})

test('the gateway says how long to wait, and is heeded', () => {
  const ended = frame({
    type: 'ended',
    code: 'unavailable',
    message: 'Drain.',
    retryable: true,
    retryAfter: 7_000,
  })
  for (const state of [connectingState({ ...calling, failures: 0 }), activeState()]) {
    const after = run(state, world(), ended, closed(4503)).state
    assert.equal(pauseOf(after), 7_000)
    assert.equal('error' in after && after.error?.message, 'Drain.')
  }
})

test('a socket that closes because its page is being left is made again a second later, if the page is still there', () => {
  const { state } = run(activeState(), world(), closed(1001))
  assert.equal(pauseOf(state), 1_000)
  assert.deepEqual(run(state, world(), { type: 'hide' }).effects, ['discard all', 'drop'])
  assert.deepEqual(run(state, world({ now: NOW + 1_000 }), { type: 'time' }).effects, ['open greeting'])
})

test('what the gateway said on one connection explains no loss of the next', () => {
  const ended = frame({
    type: 'ended',
    code: 'unavailable',
    message: 'Drain.',
    retryable: true,
    retryAfter: 0,
  })
  const { state } = run(
    connectingState({ ...calling, failures: 0 }),
    world(),
    ended,
    closed(4503),
    closed(1006),
  )
  assert.deepEqual('error' in state && state.error, { code: 'unavailable' })
})

test('two fresh tokens refused in a row end it, and a start asks anew', () => {
  const rounds: Input[] = [{ type: 'answer', answer: 'fresh' }, closed(4101)]
  const once = run(connectingState(asked), world(), ...rounds)
  assert.equal(nameOfState(once.state), 'starting none asked')
  const twice = run(once.state, world(), ...rounds)
  assert.equal(nameOfState(twice.state), 'failed unauthenticated')
  assert.deepEqual(twice.last, ['discard all'])
})

test('a fresh token that was accepted in between begins the counts anew', () => {
  const { state } = run(
    connectingState({ ...asked, refusals: 1, misses: 4 }),
    world(),
    { type: 'answer', answer: 'fresh' },
    started(),
  )
  const { refusals, misses } = active(state)
  assert.deepEqual([refusals, misses], [0, 0])
})

test('a first token that is refused was not fresh: its source is asked twice before the user is out', () => {
  const { state, effects } = run(connectingState(calling), world(), closed(4101))
  assert.deepEqual(effects, ['discard all', 'ask rejected'])
  const fresh: Input = { type: 'answer', answer: 'fresh' }
  assert.equal(nameOfState(run(state, world(), fresh, closed(4101)).state), 'starting none asked')
  assert.equal(
    nameOfState(run(state, world(), fresh, closed(4101), fresh, closed(4101)).state),
    'failed unauthenticated',
  )
})

test('two fresh tokens refused on the open connection end it', () => {
  const fresh: Input = { type: 'answer', answer: 'fresh' }
  const asking = activeState({ renewal: { at: 'asked', reason: 'expiring' } })
  const once = run(asking, world(), fresh, refusedToken)
  assert.deepEqual(active(once.state).renewal, { at: 'due', time: NOW, reason: 'rejected' })
  const twice = run(once.state, world(), { type: 'time' }, fresh, refusedToken)
  assert.equal(nameOfState(twice.state), 'ended unauthenticated')
  assert.deepEqual(twice.last, ['discard all', 'send end', 'drop'])
})

test('a token that was set and is refused leaves the session with its old one, which is renewed in time', () => {
  const { state, effects } = run(activeState(), world(), { type: 'credentials' }, refusedToken)
  assert.deepEqual(effects, ['renew', 'discard newest', 'report'])
  const { renewal, lapsesAt } = active(state)
  assert.deepEqual(renewal, { at: 'due', time: NOW + 54_000, reason: 'expiring' })
  assert.equal(lapsesAt, NOW + 60_000)
})

test('a token that the gateway could not judge is sent again, and an outage logs nobody out', () => {
  const unjudged = frame({
    type: 'refused',
    re: 'token',
    code: 'unavailable',
    message: 'Later.',
    retryable: true,
  })
  let state: State = activeState({ renewal: { at: 'sent', asked: true, before: 0 } })
  for (let round = 0; round < 10; round += 1) {
    state = step(state, unjudged, world())[0]
    const time: number = deadlineOf({ ...active(state), silentAt: Number.MAX_SAFE_INTEGER }) ?? 0
    assert.equal(time - NOW, 0.5 * Math.min(30_000, 1_000 * 2 ** round))
    const [next, ...effects] = step(
      { ...active(state), silentAt: time + 1 },
      { type: 'time' },
      world({ now: time }),
    )
    assert.deepEqual(effects, [{ do: 'renew' }])
    state = next
  }
  assert.equal(active(state).refusals, 0)
})

test('a token that is given while the former one lapses is used, not thrown away with it', () => {
  for (const wanted of [closed(4102), closed(1006)]) {
    const { state, effects } = run(activeState({ lapsesAt: NOW }), world(), { type: 'credentials' }, wanted)
    assert.deepEqual(effects, ['renew', 'open greeting'])
    assert.equal(nameOfState(state), 'reconnecting calling held')
  }
})

test('a token is renewed a tenth of its life before it lapses: 5 s at least, 60 s at most', () => {
  const margins = [
    [3_600_000, 60_000],
    [600_001, 60_000],
    [300_000, 30_000],
    [50_000, 5_000],
    [20_000, 5_000],
    [10_000, 5_000],
  ] as const
  for (const [expiresIn, margin] of margins) {
    const { state } = run(connectingState(calling), world(), started({ expiresIn }))
    assert.deepEqual(active(state).renewal, { at: 'due', time: NOW + expiresIn - margin, reason: 'expiring' })
    assert.equal(active(state).lapsesAt, NOW + expiresIn)
  }
})

test('a source that answers the same token until it lapses is asked a few times, not in a loop', () => {
  let state: State = activeState()
  let now = NOW
  let asks = 0
  const lapse = NOW + 60_000
  while (now < lapse - 1 && asks < 1_000) {
    state = step(state, frame({ type: 'renewed', expiresIn: lapse - now }), world({ now }))[0]
    const { renewal } = active(state)
    assert.ok(renewal?.at === 'due' && renewal.time > now)
    now = renewal.time
    asks += 1
  }
  assert.ok(asks < 20, String(asks))
})

test('credentials that do not lapse are not renewed', () => {
  const { state } = run(connectingState(calling), world(), started({ expiresIn: null }))
  assert.equal(active(state).renewal, null)
  assert.equal(active(state).lapsesAt, null)
})

test('a fetch that fails while the socket opens lets go of the socket, and is made again with the same reason', () => {
  const [fetching, ...begun] = step(idle, { type: 'start' }, world({ proof: 'fetchable' }))
  assert.deepEqual(begun.map(nameOfEffect), ['open', 'ask first'])
  const failed: Input = { type: 'answer', answer: 'failed', cause: new Error('offline') }
  const [paused, ...effects] = step(fetching, failed, world())
  assert.deepEqual(effects.map(nameOfEffect), ['drop', 'report'])
  assert.equal(retryAtOf(paused), NOW + 500)
  const again = step(paused, { type: 'time' }, world({ now: NOW + 500 }))
  assert.deepEqual(again.slice(1), [{ do: 'ask', reason: 'first' }])
  // The network's failure is no refusal of credentials.
  const { state } = run(fetching, world(), closed(1006), failed)
  assert.deepEqual(step(state, { type: 'wake' }, world()).slice(1), [{ do: 'ask', reason: 'first' }])
})

test('asks that fail in a row are made further apart, up to 30 s, for as long as it takes', () => {
  let state: State = connectingState(asked)
  for (const limit of [1, 2, 4, 8, 16, 30, 30, 30]) {
    state = step(state, { type: 'answer', answer: 'failed' }, world())[0]
    assert.equal(pauseOf(state), 500 * limit)
    state = step(state, { type: 'wake' }, world())[0]
  }
})

test('a renewal that fails is made again, and the session stays', () => {
  let state: State = activeState({ renewal: { at: 'asked', reason: 'rejected' } })
  for (const limit of [1, 2, 4, 8, 16, 30, 30]) {
    state = step(state, { type: 'answer', answer: 'failed' }, world())[0]
    assert.deepEqual(active(state).renewal, { at: 'due', time: NOW + 500 * limit, reason: 'rejected' })
    state = step(
      { ...active(state), silentAt: NOW * 2 },
      { type: 'time' },
      world({ now: NOW + 500 * limit }),
    )[0]
  }
})

test('after an attempt that never opened, the start goes as the first frame; after one without it, in the header', () => {
  const failures = 0
  const refused = run(connectingState({ ...calling, failures }), world(), closed(1006))
  assert.deepEqual(refused.effects, ['open'])
  assert.deepEqual(run(refused.state, world(), { type: 'opened', attempt }).effects, ['greet'])
  const random = 0
  const again = run(refused.state, world({ random }), closed(1006))
  assert.deepEqual(again.effects, ['open greeting'])
})

test('a handshake that is swallowed is one that failed: the next start goes as the first frame', () => {
  const late = world({ now: NOW + 20_000 })
  const { state, effects } = run(connectingState({ ...calling, failures: 0 }), late, { type: 'time' })
  assert.deepEqual(effects, ['drop', 'open'])
  assert.equal(nameOfState(state), 'starting opening held')
})

test('what worked as a first frame stays one for the life of the session', () => {
  const opened: Input = { type: 'opened', attempt }
  const { state } = run(
    connectingState({ ...calling, failures: 0 }),
    world(),
    closed(1006),
    opened,
    started(),
  )
  assert.deepEqual(run({ ...active(state), failures: 0 }, world(), closed(1006)).effects, ['open'])
})

test('a connection lost after it opened says nothing against the header', () => {
  const opened: Input = { type: 'opened', attempt }
  const { effects } = run(connectingState({ ...calling, failures: 0 }), world(), opened, closed(4503))
  assert.deepEqual(effects, ['open greeting'])
})

test('a timer that fires long after the silence slept with its device: what waits behind it gets 2 s, once', () => {
  const slept = world({ now: NOW + 3_600_000 })
  const [woken, ...none] = step(activeState(), { type: 'time' }, slept)
  assert.deepEqual(none, [])
  assert.equal(active(woken).silentAt, slept.now + 2_000)
  const heard = step(woken, frame({ type: 'ping' }), slept)[0]
  assert.equal(active(heard).silentAt, slept.now + 35_000)
  assert.equal(active(step(heard, { type: 'time' }, world({ now: slept.now + 40_000 }))[0]).overslept, true)
  // A throttled timer is late every time: a dead connection must not live on for that.
  const [dead, ...effects] = step(woken, { type: 'time' }, world({ now: slept.now + 60_000 }))
  assert.equal(dead.name, 'reconnecting')
  assert.equal(nameOfEffect(effects[0] ?? { do: 'greet' }), 'drop')
})

test('silence is what two pings would have broken, and every frame puts it off', () => {
  const { state } = run(connectingState(calling), world(), started({ pingInterval: 1_000 }))
  assert.equal(active(state).silentAt, NOW + 11_000)
  const heard = step(
    state,
    frame({ type: 'unread', unread: 1, readOffset: 0 }),
    world({ now: NOW + 5_000 }),
  )[0]
  assert.equal(active(heard).silentAt, NOW + 16_000)
})

test('credentials that lapsed while offline are asked for before anything is opened', () => {
  const state = connectingState({
    line: { at: 'pause', until: NOW },
    lapsesAt: NOW,
    failures: 2,
    proof: { at: 'held' },
  })
  for (const type of ['time', 'wake'] as const) {
    const { state: next, effects } = run(state, world(), { type })
    assert.deepEqual(effects, ['discard all', 'ask expiring'])
    assert.equal(nameOfState(next), 'starting none asked')
    assert.equal('error' in next && next.error?.code, 'token-expired')
  }
})

test('a session with nothing to renew its lapsed token ends as token-expired', () => {
  const { state } = run(activeState({ renewal: null }), world(), closed(4102), {
    type: 'answer',
    answer: 'nobody',
  })
  assert.equal(nameOfState(state), 'ended token-expired')
})

test('what the session knows of its user follows the frames', () => {
  const user: GatewayFrame = { type: 'user', user: { id: 'ann', name: 'Ann' } }
  const unread: GatewayFrame = { type: 'unread', unread: 7, readOffset: 0 }
  const { state } = run(activeState(), world(), frame(user), frame(unread))
  assert.deepEqual(active(state).facts, { ...facts, user: user.user, unread: 7 })
})

test('the token that the gateway gave is kept in the place of what was sent once', () => {
  const [, keep] = step(connectingState(calling), started({ token: 'a.b.c' }), world())
  assert.deepEqual(keep, { do: 'keep', token: 'a.b.c' })
})

test('who signed out is out, and what was at hand is forgotten', () => {
  const renewing = activeState({ renewal: { at: 'asked', reason: 'expiring' } })
  const { state, effects } = run(renewing, world(), { type: 'answer', answer: 'signed-out' })
  assert.equal(nameOfState(state), 'ended signed-out')
  assert.deepEqual(effects, ['discard all', 'send end', 'drop'])
})

test('credentials that are set while a session is being carried on do not end it', () => {
  const state = connectingState({
    name: 'reconnecting',
    line: { at: 'greeted', until: DUE },
    cursor: { key: 'k', epoch: 'e', offset: 3 },
  })
  const { effects } = run(state, world(), { type: 'credentials' })
  assert.deepEqual(effects, ['drop', 'open greeting'])
})
