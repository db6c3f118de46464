import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTraceparent, parseTraceparent } from '../../src/util/traceparent.js'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'

test('a traceparent names a trace, a span and flags, and is written as it was read', () => {
  for (const flags of ['00', '01', 'ff']) {
    const place = parseTraceparent(`00-${traceId}-${spanId}-${flags}`)
    assert.deepEqual(place, { traceId, spanId, traceFlags: parseInt(flags, 16) })
    assert.equal(formatTraceparent(place), `00-${traceId}-${spanId}-${flags}`)
  }
})

const wrong: [what: string, value: unknown][] = [
  ['a missing one', undefined],
  ['a number', 1],
  ['an empty text', ''],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${spanId}-01`],
  ['a span of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
  ['capitals', `00-${traceId.toUpperCase()}-${spanId}-01`],
  ['a version that is not known', `01-${traceId}-${spanId}-01`],
  ['more than version 00 has', `00-${traceId}-${spanId}-01-more`],
  ['a second line', `00-${traceId}-${spanId}-01\r\nx: y`],
  ['a short trace', `00-${traceId.slice(1)}-${spanId}-01`],
]

for (const [what, value] of wrong)
  test(`${what} is no traceparent`, () => assert.equal(parseTraceparent(value), undefined))
