import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  codeOf,
  ends,
  isRetryable,
  sentences,
  verdictOf,
  type ProtocolCode,
} from '../../src/protocol/index.js'

/** The protocol's table of ends, copied by hand. */
const table: Record<string, number> = {
  ended: 1000,
  unauthenticated: 4101,
  'token-expired': 4102,
  'bad-request': 4400,
  'origin-refused': 4403,
  'guests-refused': 4403,
  refused: 4403,
  'unknown-app': 4404,
  replaced: 4409,
  revoked: 4410,
  'too-large': 4413,
  unavailable: 4503,
  timeout: 4508,
  'rate-limited': 4529,
}

const refusals = ['conflict', 'unknown-user']

test('every end has the close code that the protocol gives it, and there are no others', () => {
  assert.deepEqual({ ...ends }, table)
})

test('every code has a sentence for the developer who meets it', () => {
  assert.deepEqual(Object.keys(sentences).sort(), [...Object.keys(table), ...refusals].sort())
  for (const sentence of Object.values(sentences)) assert.match(sentence, /^[A-Z].*\.$/)
})

test('the hundreds decide what a client does about a close, also about one it has never seen', () => {
  const hopeless = [1002, 1003, 1007, 1008, 1009, 1010]
  for (let close = 0; close < 6_000; close += 1) {
    const expected =
      close === 1000
        ? 'ended'
        : close >= 4100 && close <= 4199
          ? 'renew'
          : (close >= 4400 && close <= 4499) || hopeless.includes(close)
            ? 'stop'
            : 'retry'
    assert.equal(verdictOf(close), expected, String(close))
  }
})

test('a close without a word of why has the name of its code, and a stranger that of its hundreds', () => {
  for (const [code, close] of Object.entries(table)) assert.equal(ends[codeOf(close)], close, code)
  assert.equal(codeOf(4403), 'refused')
  assert.equal(codeOf(4199), 'unauthenticated')
  assert.equal(codeOf(4499), 'bad-request')
  assert.equal(codeOf(4599), 'unavailable')
  assert.equal(codeOf(1009), 'too-large')
  assert.equal(codeOf(1008), 'bad-request')
  assert.equal(codeOf(1006), 'unavailable')
  assert.equal(codeOf(4000), 'unavailable')
})

test('what may succeed later is retryable: what a client reconnects after, and nothing else', () => {
  const retryable = [...Object.keys(table), ...refusals].filter((code) => isRetryable(code as ProtocolCode))
  assert.deepEqual(retryable.sort(), ['rate-limited', 'timeout', 'unavailable'])
})
