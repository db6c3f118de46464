import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isIssuedUpTo, later, tokenKeptFor } from '../../../src/engine/decide/revocations/revoked.js'

const DAY = 86_400_000
const NOW = 1_000 * DAY

void describe('a revocation', () => {
  const times: [a: number | null, b: number | null, expected: number | null][] = [
    [null, null, null],
    [1, null, 1],
    [null, 2, 2],
    [1, 2, 2],
    [2, 1, 2],
  ]
  for (const [a, b, expected] of times)
    void it(`up to ${a} and up to ${b} is one up to ${expected}`, () => assert.equal(later(a, b), expected))

  const credentials: [issuedAt: number | null, before: number | null, expected: boolean][] = [
    [5, null, false],
    [null, null, false],
    [4, 5, true],
    [5, 5, true],
    [6, 5, false],
    [null, 5, true],
  ]
  for (const [issuedAt, before, expected] of credentials)
    void it(`up to ${before} concerns a credential of ${issuedAt}: ${expected}`, () =>
      assert.equal(isIssuedUpTo(issuedAt, before), expected))

  const tokens: [what: string, expiresAt: number | undefined, expected: number][] = [
    ['expires in a day', NOW + DAY, 62 * DAY],
    ['has expired', NOW - DAY, 61 * DAY],
    ['never expires', Infinity, Infinity],
    ['expires at an unknown time', undefined, 400 * DAY],
  ]
  for (const [what, expiresAt, expected] of tokens)
    void it(`of a token that ${what} is kept for ${expected / DAY} days`, () =>
      assert.equal(tokenKeptFor(expiresAt, NOW), expected))
})
