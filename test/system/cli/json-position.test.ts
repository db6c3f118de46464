import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findMistake, positionOfMistake } from '../../../src/cli/json-position.js'

const mistakes: [what: string, text: string, position: string][] = [
  ['a comma too many', '{\n  "a": 1,\n}', 'line 3, column 1'],
  ['a comma too few', '{\n  "a": 1\n  "b": 2\n}', 'line 3, column 3'],
  ['a name without quotes', '{ a: 1 }', 'line 1, column 3'],
  ['single quotes', "[\r\n  'a'\r\n]", 'line 2, column 3'],
  ['a comment', '{\n  // why\n}', 'line 2, column 3'],
  ['an end too early', '{\n  "a": [1, 2', 'line 2, column 13'],
  ['a text that does not end', '{ "a": "b }', 'line 1, column 8'],
  ['a text over two lines', '{ "a": "b\n" }', 'line 1, column 8'],
  ['more than one value', '{}\n{}', 'line 2, column 1'],
  ['nothing', '', 'line 1, column 1'],
  ['a byte order mark', '\ufeff{}', 'line 1, column 1'],
  ['a number that begins with 0', '[01]', 'line 1, column 3'],
]
for (const [what, text, position] of mistakes)
  test(`${what} is found at its place`, () => {
    assert.throws(() => void JSON.parse(text))
    assert.equal(positionOfMistake(text), position)
  })

test('a mistake is found in each text that JSON.parse refuses, and in no other', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"a"',
    '"',
    '1',
    '-',
    '0',
    '.5',
    'e1',
    'true',
    'nul',
    ' ',
    '\n',
    '\\',
  )
  const damaged = fc
    .tuple(fc.json(), fc.nat(), fc.nat({ max: 2 }), fc.array(piece, { maxLength: 2 }))
    .map(([json, at, length, added]) => {
      const index = at % (json.length + 1)
      return json.slice(0, index) + added.join('') + json.slice(index + length)
    })
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  const text = fc.oneof(
    fc.json(),
    damaged,
    fc.array(piece).map((pieces) => pieces.join('')),
  )
  fc.assert(
    fc.property(text, (given) => assert.equal(findMistake(given) === undefined, isJson(given))),
    { numRuns: 5_000 },
  )
})
