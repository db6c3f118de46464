// Steps of the machine that open, probe and lose connections: backoff, reconnect window, handshake, heartbeat.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GatewayFrameOf } from '../../../src/protocol/index.js'
import { step } from '../../../src/session/machine/step.js'
import { type Input } from '../../../src/session/machine/state.js'
import { activeState, connectingState, info, nameOfEffect, nameOfState, NOW, world } from './states.js'
import { active, backoffOf, closed, frame, run, started, withStart } from './stepping.js'

/** The `ended` frame of a gateway that drains. */
const drain = (retryAfter?: number): GatewayFrameOf<'ended'> => ({
  type: 'ended',
  code: 'unavailable',
  message: 'Drain.',
  retryable: true,
  ...(retryAfter !== undefined && { retryAfter }),
})

test('the first loss is tried again at once; then pauses are anything up to a limit that doubles to 30 s', () => {
  const [first, ...effects] = step(
    connectingState({ ...withStart, connectFailures: 0 }),
    closed(1006),
    world({ random: 0.99 }),
  )
  assert.equal(nameOfState(first), 'starting opening held')
  assert.deepEqual(effects.map(nameOfEffect), ['open'])
  const limits = [1, 2, 4, 8, 16, 30, 30, 30].map((seconds) => seconds * 1_000)
  for (const [at, limit] of limits.entries())
    for (const random of [0.001, 0.25, 0.5, 0.999_999]) {
      const { state } = run(
        connectingState({ ...withStart, connectFailures: at + 1 }),
        world({ random }),
        closed(1006),
      )
      assert.ok(Math.abs(backoffOf(state) - random * limit) < 1e-6)
    }
})

test('failed attempts are forgotten when a connection has lived for 10 s, and not when it opens', () => {
  const { state } = run(connectingState({ ...withStart, connectFailures: 4 }), world(), started())
  assert.equal(active(state).connectFailures, 4)
  const early = step(state, { type: 'time' }, world({ now: NOW + 9_999 }))[0]
  assert.equal(active(early).connectFailures, 4)
  assert.ok(backoffOf(step(early, closed(1006), world())[0]) > 0)
  const late = step(state, { type: 'time' }, world({ now: NOW + 10_000 }))[0]
  assert.equal(active(late).connectFailures, 0)
  assert.deepEqual(
    step(late, closed(1006), world())
      .slice(1)
      .map((effect) => nameOfEffect(effect as never)),
    ['open with-start'],
  )
})

test('an offset beyond the inbox’s newest, and one of another epoch, lose no later message, and are reported', () => {
  for (const [epoch, offset] of [
    [info.epoch, 7],
    ['another', 3],
  ] as const) {
    const cursor = { key: 'k', epoch, offset }
    const lost = started({ lost: true, offset: 5 })
    const { state, effects } = run(connectingState({ ...withStart, cursor }), world(), lost)
    assert.equal(active(state).cursor.offset, 0)
    assert.ok(effects.includes('emit-error'))
  }
})

test('a socket that closes with 1001 is opened again a second later, if the page is still there', () => {
  const { state } = run(activeState(), world(), closed(1001))
  assert.equal(backoffOf(state), 1_000)
  assert.deepEqual(run(state, world(), { type: 'leave', phase: 'left' }).effects, [
    'post-sends',
    'discard all',
    'close 4000',
  ])
  assert.deepEqual(run(state, world({ now: NOW + 1_000 }), { type: 'time' }).effects, ['open with-start'])
})

test('the `ended` frame of one connection explains no loss of the next', () => {
  const { state } = run(
    connectingState({ ...withStart, connectFailures: 0 }),
    world(),
    closed(4503, drain(0)),
    closed(1006),
  )
  assert.deepEqual('error' in state && state.error, { code: 'unavailable' })
})

test('after an attempt that never opened, the start goes as the first frame; after one without it, in the header', () => {
  const connectFailures = 0
  const refused = run(connectingState({ ...withStart, connectFailures }), world(), closed(1006))
  assert.deepEqual(refused.effects, ['open'])
  assert.deepEqual(run(refused.state, world(), { type: 'opened' }).effects, ['send-start'])
  const random = 0
  const again = run(refused.state, world({ random }), closed(1006))
  assert.deepEqual(again.effects, ['open with-start'])
})

test('after a connection on which the gateway has heard nothing, the start goes as the first frame', () => {
  const reason: GatewayFrameOf<'ended'> = { type: 'ended', code: 'timeout', message: 'No.', retryable: true }
  const unheard: Input = { type: 'closed', code: 4508, reason }
  const { state, effects } = run(activeState(), world(), unheard)
  assert.deepEqual(effects, ['open'])
  assert.deepEqual(run(state, world(), { type: 'opened' }).effects, ['send-start'])
  // A loss that the client notices itself says nothing about that.
  assert.deepEqual(run(activeState(), world(), closed(1006)).effects, ['open with-start'])
})

test('a handshake without an answer has failed: the next start goes as the first frame', () => {
  const late = world({ now: NOW + 20_000 })
  const { state, effects } = run(connectingState({ ...withStart, connectFailures: 0 }), late, {
    type: 'time',
  })
  assert.deepEqual(effects, ['close', 'open'])
  assert.equal(nameOfState(state), 'starting opening held')
})

test('a start that worked as the first frame stays one for the life of the session', () => {
  const opened: Input = { type: 'opened' }
  const { state } = run(
    connectingState({ ...withStart, connectFailures: 0 }),
    world(),
    closed(1006),
    opened,
    started(),
  )
  assert.deepEqual(run({ ...active(state), connectFailures: 0 }, world(), closed(1006)).effects, ['open'])
})

test('after a connection that opened and was lost the start stays in the header', () => {
  const opened: Input = { type: 'opened' }
  const { effects } = run(
    connectingState({ ...withStart, connectFailures: 0 }),
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
  assert.equal(active(woken).heartbeatDeadline, slept.now + 2_000)
  const received = step(woken, frame({ type: 'ping' }), slept)[0]
  assert.equal(active(received).heartbeatDeadline, slept.now + 35_000)
  assert.equal(
    active(step(received, { type: 'time' }, world({ now: slept.now + 40_000 }))[0]).sleepGraceUsed,
    true,
  )
  // A throttled timer is late every time: a dead connection must not live on for that.
  const [dead, ...effects] = step(woken, { type: 'time' }, world({ now: slept.now + 60_000 }))
  assert.equal(dead.name, 'reconnecting')
  assert.equal(nameOfEffect(effects[0] ?? { do: 'send-start' }), 'close')
})

test('a page that becomes visible probes the connection, which gets 5 s, and probes no more meanwhile', () => {
  const [probed, ...effects] = step(activeState(), { type: 'wake' }, world())
  assert.deepEqual(effects.map(nameOfEffect), ['send history'])
  assert.equal(active(probed).heartbeatDeadline, NOW + 5_000)
  assert.deepEqual(step(probed, { type: 'wake' }, world({ now: NOW + 4_999 })), [probed])
  assert.equal(step(probed, { type: 'time' }, world({ now: NOW + 5_000 }))[0].name, 'reconnecting')
})

test('a connection is dead after a ping interval and 10 s without a frame; every frame moves the deadline', () => {
  const { state } = run(connectingState(withStart), world(), started({ pingInterval: 1_000 }))
  assert.equal(active(state).heartbeatDeadline, NOW + 11_000)
  const received = step(
    state,
    frame({ type: 'unread', unread: 1, readOffset: 0 }),
    world({ now: NOW + 5_000 }),
  )[0]
  assert.equal(active(received).heartbeatDeadline, NOW + 16_000)
})

const windows = [
  // The window, and its parts in which a visible and a hidden page reconnect, in milliseconds.
  [0, 0, 0],
  [1_000, 1_000, 1_000],
  [5_000, 2_000, 5_000],
  [60_000, 12_000, 60_000],
] as const
for (const [reconnectWindow, visible, hidden] of windows)
  test(`after a loss without a reason the first attempt waits a random part of ${reconnectWindow} ms; a visible page of ${visible}`, () => {
    const state = activeState({ info: { ...info, reconnectWindow } })
    for (const random of [0.001, 0.5, 0.999])
      for (const [isHidden, limit] of [
        [false, visible],
        [true, hidden],
      ] as const) {
        const at = world({ random, hidden: isHidden })
        const lost = run(state, at, closed(1006))
        if (limit === 0) assert.deepEqual(lost.effects, ['open with-start'])
        else assert.ok(Math.abs(backoffOf(lost.state) - random * limit) < 1e-6)
        const silent = run(state, { ...at, now: NOW + 35_000 }, { type: 'time' })
        const opens = silent.effects.includes('open with-start')
        assert.equal(opens, limit === 0)
        if (!opens) assert.ok(Math.abs(backoffOf(silent.state) - 35_000 - random * limit) < 1e-6)
      }
  })

test('in the window `wake` tries at once, and after the first attempt the pauses are backoff', () => {
  const state = activeState({ info: { ...info, reconnectWindow: 60_000 } })
  const lost = run(state, world(), closed(1006)).state
  assert.deepEqual(run(lost, world(), { type: 'wake' }).effects, ['open with-start'])
  const again = run(lost, world({ random: 0.999 }), { type: 'wake' }, closed(1006)).state
  assert.ok(backoffOf(again) < 1_000)
})

test('a loss with a reason is tried again at once, or after `retryAfter`, whatever the window', () => {
  const state = activeState({ info: { ...info, reconnectWindow: 60_000 } })
  assert.deepEqual(run(state, world(), closed(4503)).effects, ['open with-start'])
  assert.deepEqual(run(state, world(), closed(1006, drain())).effects, ['open with-start'])
  assert.equal(backoffOf(run(state, world(), closed(1006, drain(7_000))).state), 7_000)
})

test('a connection that was not stable waits for the longer of the window and the backoff', () => {
  const state = activeState({ connectFailures: 6, info: { ...info, reconnectWindow: 4_000 } })
  assert.equal(backoffOf(run(state, world(), closed(1006)).state), 15_000)
})

test('an attempt that waits for its turn is not given up, and then has its time', () => {
  const until = NOW + 3_600_000
  const queued = run(connectingState({ ...withStart }), world(), {
    type: 'queued',
  })
  assert.deepEqual(run(queued.state, world({ now: until - 20_000 }), { type: 'time' }).effects, [])
  const turn = run(queued.state, world({ now: until - 20_000 }), { type: 'served' })
  assert.deepEqual(run(turn.state, world({ now: until - 1 }), { type: 'time' }).effects, [])
  assert.deepEqual(run(turn.state, world({ now: until }), { type: 'time' }).effects, ['close'])
})
