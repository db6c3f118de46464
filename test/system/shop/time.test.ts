import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTimeFormat } from '../../../demo/shop/public/time.mjs'

test('a message of today has its time alone, an earlier one the day, and one of another year the year', () => {
  const format = createTimeFormat('en-GB', 'Europe/Berlin')
  const now = Date.parse('2026-03-02T23:30:00+01:00')
  for (const [sentAt, shown] of [
    ['2026-03-02T23:29:00+01:00', '23:29'],
    ['2026-03-02T00:00:00+01:00', '00:00'],
    ['2026-03-01T23:59:00+01:00', '1 Mar, 23:59'],
    ['2026-01-01T00:00:00+01:00', '1 Jan, 00:00'],
    ['2025-12-31T23:59:00+01:00', '31 Dec 2025, 23:59'],
    ['2025-03-02T23:30:00+01:00', '2 Mar 2025, 23:30'],
  ] as const)
    assert.equal(format(Date.parse(sentAt), now), shown)
})
