import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { mock, test, type TestContext } from 'node:test'
import { deadlineTimer, now, toUnixTime } from '../../../src/session/util/clock.js'

/** A timer for one test, and how often it reached a deadline. */
const fakeTimer = (
  context: TestContext,
): { set: (deadline: number) => void; reached: () => number; abort: AbortController } => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 })
  context.after(() => mock.timers.reset())
  const abort = new AbortController()
  let times = 0
  return { set: deadlineTimer(() => (times += 1), abort.signal), reached: () => times, abort }
}

test('the timer calls back at the deadline, once, and not before', (context) => {
  const { set, reached } = fakeTimer(context)
  set(now() + 1_000)
  mock.timers.tick(999)
  assert.equal(reached(), 0)
  mock.timers.tick(1)
  assert.equal(reached(), 1)
  mock.timers.tick(10_000)
  assert.equal(reached(), 1)
})

test('for a deadline that has passed the timer calls back in another task', (context) => {
  const { set, reached } = fakeTimer(context)
  set(now() - 5_000)
  assert.equal(reached(), 0)
  mock.timers.tick(1)
  assert.equal(reached(), 1)
})

test('a new deadline replaces the last one, and Infinity clears it', (context) => {
  const { set, reached } = fakeTimer(context)
  set(now() + 1_000)
  set(now() + 5_000)
  mock.timers.tick(4_999)
  assert.equal(reached(), 0)
  set(Infinity)
  mock.timers.tick(10_000)
  assert.equal(reached(), 0)
})

test('a deadline beyond the longest delay of setTimeout is reached on its day', (context) => {
  const { set, reached } = fakeTimer(context)
  const day = 86_400_000
  set(now() + 60 * day)
  for (let passed = 0; passed < 59; passed += 1) mock.timers.tick(day)
  assert.equal(reached(), 0)
  mock.timers.tick(day - 1)
  assert.equal(reached(), 0)
  mock.timers.tick(1)
  assert.equal(reached(), 1)
})

test('a timer that fires early is set again', (context) => {
  const { set, reached } = fakeTimer(context)
  const deadline = now() + 1_000
  set(deadline)
  const early = mock.method(Date, 'now', () => 1_000_700)
  mock.timers.tick(1_000)
  assert.equal(reached(), 0)
  early.mock.restore()
  mock.timers.tick(300)
  assert.equal(reached(), 1)
})

test('on a device that slept the deadline is reached when it wakes', (context) => {
  const { set, reached } = fakeTimer(context)
  set(now() + 3_600_000)
  // The wall clock went on, and the monotonic clock did not.
  const slept = mock.method(Date, 'now', () => 1_000_000 + 8 * 3_600_000)
  mock.timers.tick(3_600_000)
  assert.equal(reached(), 1)
  slept.mock.restore()
})

for (const [direction, hours] of [
  ['back', -1],
  ['forward', 1],
] as const)
  test(`a wall clock that is set ${direction} an hour delays no deadline, and Unix times follow it`, (context) => {
    const { set, reached } = fakeTimer(context)
    let monotonic = performance.now()
    let wall = Date.now()
    const clocks = [mock.method(performance, 'now', () => monotonic), mock.method(Date, 'now', () => wall)]
    const pass = (time: number): void => {
      monotonic += time
      wall += time
      mock.timers.tick(time)
    }
    const deadline = now() + 1_000
    assert.equal(toUnixTime(deadline), wall + 1_000)
    set(deadline)
    pass(999)
    assert.equal(reached(), 0)
    wall += hours * 3_600_000
    pass(1)
    assert.equal(reached(), 1)
    const next = now() + 2_000
    assert.ok(next >= deadline + 2_000)
    assert.equal(toUnixTime(next), wall + 2_000)
    for (const clock of clocks) clock.mock.restore()
  })

test('a timer whose signal has aborted calls nothing', (context) => {
  const { set, reached, abort } = fakeTimer(context)
  set(now() + 1_000)
  assert.equal(getEventListeners(abort.signal, 'abort').length, 1)
  abort.abort()
  set(now() + 1_000)
  mock.timers.tick(5_000)
  assert.equal(reached(), 0)
})
