import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientErrorMessages,
  closeAction,
  closeCodes,
  codeOfClose,
  errorMessages,
  isRetryable,
  isRevivable,
  type ProtocolCode,
} from '../../src/protocol/index.js'

/** The protocol's close codes, copied by hand. */
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
  'too-many-sessions': 4429,
  unavailable: 4503,
  timeout: 4508,
  'rate-limited': 4529,
}

const refusals = ['conflict', 'unknown-user']

test('every code has the close code that the protocol gives it, and there are no others', () => {
  assert.deepEqual({ ...closeCodes }, table)
})

test('every code has a message for the developer who meets it', () => {
  assert.deepEqual(Object.keys(errorMessages).sort(), [...Object.keys(table), ...refusals].sort())
  for (const message of Object.values(errorMessages)) assert.match(message, /^[A-Z].*\.$/)
})

test('the hundreds decide what a client does after a close, also one that it does not know', () => {
  const permanent = [1002, 1003, 1007, 1008, 1009, 1010]
  for (let close = 0; close < 6_000; close += 1) {
    const expected =
      close === 1000
        ? 'ended'
        : close >= 4100 && close <= 4199
          ? 'refetch'
          : (close >= 4400 && close <= 4499) || permanent.includes(close)
            ? 'stop'
            : 'retry'
    assert.equal(closeAction(close), expected, String(close))
  }
})

test('a number that several codes share says which of them a close without an `ended` frame gets', () => {
  const codes = new Map<number, string[]>()
  for (const [code, close] of Object.entries(closeCodes))
    codes.set(close, [...(codes.get(close) ?? []), code])
  const shared = [...codes].filter(([, sharing]) => sharing.length > 1)
  assert.deepEqual(
    shared.map(([close]) => [close, codeOfClose(close)]),
    [[4403, 'refused']],
  )
})

test('a close without an `ended` frame gets the code of its number, and an unknown number that of its hundreds', () => {
  for (const [code, close] of Object.entries(table)) assert.equal(closeCodes[codeOfClose(close)], close, code)
  assert.equal(codeOfClose(4403), 'refused')
  assert.equal(codeOfClose(4199), 'unauthenticated')
  assert.equal(codeOfClose(4499), 'bad-request')
  assert.equal(codeOfClose(4599), 'unavailable')
  assert.equal(codeOfClose(1009), 'too-large')
  assert.equal(codeOfClose(1008), 'bad-request')
  assert.equal(codeOfClose(1006), 'unavailable')
  assert.equal(codeOfClose(4000), 'unavailable')
})

test('only the codes that a client reconnects after are retryable', () => {
  const retryable = [...Object.keys(table), ...refusals].filter((code) => isRetryable(code as ProtocolCode))
  assert.deepEqual(retryable.sort(), ['rate-limited', 'timeout', 'unavailable'])
})

test('new credentials revive a session that failed or ended for want of good ones', () => {
  const codes = [...Object.keys(table), ...refusals, ...Object.keys(clientErrorMessages)]
  assert.deepEqual(codes.filter(isRevivable).sort(), [
    'bad-request',
    'guests-refused',
    'no-credentials',
    'revoked',
    'signed-out',
    'token-expired',
    'unauthenticated',
  ])
  assert.equal(isRevivable('a code of a newer gateway'), false)
})
