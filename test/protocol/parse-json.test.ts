import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isDeepJson, MAX_JSON_DEPTH, parseJson } from '../../src/protocol/internal.js'

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
