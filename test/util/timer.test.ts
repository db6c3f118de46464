import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Timer } from '../../src/util/timer.js'
import { until } from '../support/until.js'

test('a timer that is restarted counts from then, and its earlier time does not come', async () => {
  const due: string[] = []
  const timer = new Timer(1, () => due.push('restarted'))
  timer.restart(60_000)
  assert.ok(timer.remaining > 50_000)
  // If the earlier time still counted, its call would have come before this one.
  const later = new Timer(20, () => due.push('later'))
  await until('the later time', () => due.length > 0)
  assert.deepEqual(due, ['later'])
  timer.restart(1)
  await until('the new time', () => due.length > 1)
  for (const each of [timer, later]) each.cancel()
})

test('a timer waits longer than `setTimeout` can, and as long as its clock says', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    let now = 0
    let calls = 0
    const pass = (milliseconds: number): void => {
      now += milliseconds
      mock.timers.tick(milliseconds)
    }
    const days = 40 * 86_400_000
    const timer = new Timer(
      days,
      () => (calls += 1),
      () => now,
    )
    pass(2 ** 31 - 1)
    assert.equal(calls, 0)
    // The clock has stood still while `setTimeout` counted.
    mock.timers.tick(days)
    assert.equal(calls, 0)
    assert.equal(timer.remaining, days - (2 ** 31 - 1))
    pass(timer.remaining)
    assert.equal(calls, 1)
    assert.equal(timer.remaining, 0)
    mock.timers.tick(days)
    assert.equal(calls, 1)
  } finally {
    mock.timers.reset()
  }
})
