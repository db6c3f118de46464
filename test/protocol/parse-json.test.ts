import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isDeepJson, MAX_JSON_DEPTH, parseExact, parseJson } from '../../src/protocol/internal.js'

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null
    ? 1 + Math.max(0, ...Object.values(value).map((inner) => depthOf(inner)))
    : 0

test('64 levels of arrays, objects or both are parsed, and one more is refused', () => {
  const pad = ' '.repeat(2 * MAX_JSON_DEPTH)
  assert.doesNotThrow(() => parseJson(nested(MAX_JSON_DEPTH) + pad))
  for (const text of [
    nested(MAX_JSON_DEPTH + 1),
    `${'{"a":'.repeat(MAX_JSON_DEPTH + 1)}1${'}'.repeat(MAX_JSON_DEPTH + 1)}`,
    `${'[{"a":'.repeat(33)}1${'}]'.repeat(33)}`,
  ])
    assert.throws(() => parseJson(text), { name: 'SyntaxError', message: /more than 64 deep/ })
})

test('brackets in strings do not count, however their quotes are escaped', () => {
  const brackets = '['.repeat(1_000)
  for (const value of [brackets, `"${brackets}`, `\\"${brackets}`, `\\\\${brackets}\\`, { [brackets]: '\\' }])
    assert.deepEqual(parseJson(JSON.stringify([value])), [value])
  // The first string ends before the brackets: two backslashes escape each other.
  assert.equal(isDeepJson(`["\\\\",${nested(200)}]`), true)
})

test('brackets side by side are not deep', () => {
  const wide = Array.from({ length: 10_000 }, (): [] => [])
  assert.deepEqual(parseJson(JSON.stringify(wide)), wide)
})

test('of any JSON the scan says what a walk over the parsed value says', () => {
  const wrapped = fc
    .tuple(fc.json({ maxDepth: 4 }), fc.nat(80))
    .map(([json, depth]) => `${'[0,{"\\"[":'.repeat(depth / 2)}${json}${'}]'.repeat(depth / 2)}`)
  fc.assert(
    fc.property(wrapped, (json) => {
      assert.equal(isDeepJson(json), depthOf(JSON.parse(json)) > MAX_JSON_DEPTH)
    }),
    { numRuns: 500 },
  )
})

/** A text that counts the characters that are read of it. */
const countedText = (text: string) => ({
  reads: 0,
  length: text.length,
  charCodeAt(index: number): number {
    this.reads += 1
    return text.charCodeAt(index)
  },
  indexOf(part: string, from: number): number {
    const found = text.indexOf(part, from)
    this.reads += (found === -1 ? text.length : found + 1) - from
    return found
  },
})

test('of a megabyte of any repeated text no character is read more than three times', () => {
  for (const part of ['[', '{"a":', '"', '\\"', '"\\\\', '\\', '[]', '"a\\"']) {
    const counted = countedText(part.repeat(1_000_000 / part.length))
    isDeepJson(counted as unknown as string)
    assert.ok(
      counted.reads > MAX_JSON_DEPTH && counted.reads <= 3 * counted.length,
      `${part} ${counted.reads}`,
    )
  }
})

/** Returns the value of a number, as the digits that count and a power of ten. */
const valueOf = (number: string): string => {
  const [mantissa = '', exponent = '0'] = number.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = BigInt(whole + fraction)
  if (digits === 0n) return '0'
  const text = String(digits)
  const significant = text.replace(/0+$/, '')
  return `${significant}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(text.length - significant.length)}`
}

const literals = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.stringMatching(/^(0|[1-9]\d{0,25})$/),
    fc.option(fc.stringMatching(/^\d{1,25}$/), { nil: undefined }),
    fc.option(fc.stringMatching(/^[eE][+-]?\d{1,4}$/), { nil: undefined }),
  )
  .map(
    ([sign, whole, fraction, exponent]) =>
      sign + whole + (fraction === undefined ? '' : `.${fraction}`) + (exponent ?? ''),
  )

test('a number that JavaScript would write back as another one is Infinity, and every other number is kept', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        literals,
        fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
        fc.maxSafeInteger().map(String),
      ),
      (number) => {
        const read = Number(number)
        const isKept = Number.isFinite(read) && valueOf(String(read)) === valueOf(number)
        const json = `{"a":"\\"${number},","b":[${number}, 1,${number}],"c":${number} ,"1e400":"x"}`
        const kept = isKept ? read : Infinity
        const { a, b, c } = parseExact(json) as { a: string; b: number[]; c: number }
        assert.deepEqual(
          [a, b.map(Math.abs), Math.abs(c)],
          [`"${number},`, [kept, 1, kept].map(Math.abs), Math.abs(kept)],
        )
      },
    ),
    { numRuns: 5_000 },
  )
})

test('the numbers of an issue tracker, a database and a clock are refused only if they change', () => {
  const inexact = [
    '9007199254740993',
    '-9007199254740993',
    '12345678901234567890',
    '1e400',
    '-1E400',
    '1e-400',
    '0.1000000000000000055',
    `1${'0'.repeat(500)}`,
    `${'1'.repeat(400)}.5`,
  ]
  const exact = [
    '9007199254740992',
    '9007199254740991',
    '18446744073709552000',
    '0',
    '-0',
    '0.0',
    '0e999',
    '1.0',
    '1e22',
    '1E+300',
    '5e-324',
    '1748952000.123456',
    '0.30000000000000004',
    '1.7976931348623157e308',
    `1${'0'.repeat(300)}`,
  ]
  for (const number of inexact) assert.equal(parseExact(`[${number}]`)?.toString(), 'Infinity', number)
  for (const number of exact) assert.deepEqual(parseExact(number), JSON.parse(number), number)
})
