import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeadlineTimer } from '../../src/gateway/deadline-timer.js'
import { until } from '../support/until.js'

test('a deadline that is set anew counts from then, and the earlier one does not come', async () => {
  const due: string[] = []
  const timer = new DeadlineTimer(1, () => due.push('set anew'))
  timer.restart(60_000)
  assert.ok(timer.remaining > 50_000)
  // The earlier deadline would have come before it.
  const later = new DeadlineTimer(20, () => due.push('later'))
  await until('the later deadline', () => due.length > 0)
  assert.deepEqual(due, ['later'])
  timer.restart(1)
  await until('the deadline that was set anew', () => due.length > 1)
  for (const each of [timer, later]) each.cancel()
})
