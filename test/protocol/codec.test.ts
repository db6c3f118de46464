import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clientFrames, gatewayFrames, parse } from '../../src/protocol/index.js'
import { MAX_JSON_DEPTH } from '../../src/protocol/internal.js'
import type { FrameTable } from '../../src/protocol/schema.js'
import { fields, wholeFrames } from './frames.js'

const tables: Record<string, FrameTable> = { client: clientFrames, gateway: gatewayFrames }

/** JSON values, most of which each field refuses. */
const junk = [null, true, false, 0, -1, 1.5, 2 ** 53, '', 'text', [], [1], {}, { name: 1 }, { a: 'b' }]

const parsed = (table: FrameTable, frame: unknown): boolean => parse(table, JSON.stringify(frame)).ok

test('parse returns a result for any text, and never throws', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.constantFrom('', 'null', '[]', '"{}"', '{'),
  )
  fc.assert(
    fc.property(texts, fc.constantFrom(clientFrames, gatewayFrames), (text, table: FrameTable) => {
      const result = parse(table, text)
      assert.ok(result.ok || result.why.length > 0)
    }),
    { numRuns: 3_000 },
  )
})

test('a frame may nest 64 levels, in any field, and one more is refused', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  assert.equal(parse(clientFrames, nested(30_000)).ok, false)
  assert.equal(parse(clientFrames, `{"type":"pong","x":${nested(MAX_JSON_DEPTH - 1)}}`).ok, true)
  for (const depth of [MAX_JSON_DEPTH, 100, 30_000])
    assert.deepEqual(parse(clientFrames, `{"type":"pong","x":${nested(depth)}}`), {
      ok: false,
      why: 'A frame is nested more than 64 deep.',
    })
})

for (const [side, table] of Object.entries(tables)) {
  test(`the samples have every type of ${side} frame`, () => {
    assert.deepEqual(Object.keys(wholeFrames[side] ?? {}).sort(), Object.keys(table).sort())
  })

  for (const [type, whole] of Object.entries(wholeFrames[side] ?? {})) {
    test(`a ${side}'s '${type}' is accepted, with extra fields and without its optional fields`, () => {
      const frame = { type, ...whole }
      assert.deepEqual(parse(table, JSON.stringify(frame)), { ok: true, frame })
      assert.equal(parsed(table, { ...frame, extra: { anything: [1] } }), true)
      for (const [name, { optional }] of Object.entries(fields[side]?.[type] ?? {}))
        assert.equal(parsed(table, { ...frame, [name]: undefined }), optional === true, name)
    })

    test(`a ${side}'s '${type}' is refused for each field of the wrong type, which is named`, () => {
      const expected = fields[side]?.[type] ?? {}
      assert.deepEqual(Object.keys(expected).sort(), Object.keys(table[type] ?? {}).sort())
      for (const [name, { takes }] of Object.entries(expected))
        for (const value of junk) {
          const frame = { type, ...whole, [name]: value }
          const result = parse(table, JSON.stringify(frame))
          assert.equal(result.ok, takes(value), `${name}: ${JSON.stringify(value)}`)
          if (!result.ok)
            assert.equal(result.why, `The field '${name}' of '${type}' is missing or of the wrong type.`)
        }
    })
  }
}

test('parse returns a result for a frame with one changed byte, and its values are those of the text', () => {
  const frames = Object.entries(wholeFrames['client'] ?? {}).map(([type, rest]) =>
    JSON.stringify({ type, ...rest }),
  )
  fc.assert(
    fc.property(
      fc.constantFrom(...frames),
      fc.nat(),
      fc.string({ unit: 'binary', maxLength: 2 }),
      (frame, place, put) => {
        const at = place % frame.length
        const text = frame.slice(0, at) + put + frame.slice(at + 1)
        const result = parse(clientFrames, text)
        if (result.ok) assert.deepEqual(result.frame, JSON.parse(text))
      },
    ),
    { numRuns: 3_000 },
  )
})

test('an infinite number is refused', () => {
  const text = '{"type":"renewed","expiresIn":1e999}'
  assert.equal(parse(gatewayFrames, text).ok, false)
})

test('a type that every object inherits is unknown like any other', () => {
  for (const type of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'nonsense', ''])
    assert.deepEqual(parse(clientFrames, JSON.stringify({ type })), {
      ok: false,
      why: "A frame's 'type' is unknown.",
    })
})

test('a text that is no object with a type is refused', () => {
  for (const text of ['', '[]', 'null', '{}', '{"type":1}'])
    assert.equal(parse(clientFrames, text).ok, false, text)
})

test('the error of a malformed frame repeats nothing that was sent', () => {
  const secret = 'eyJhbGciOiJIUzI1NiJ9'
  const leaky = [
    secret,
    `"${secret}"`,
    `{"type":"${secret}"}`,
    `{"type":"token","token":["${secret}"]}`,
    `{"type":"start","appId":"a","token":{"${secret}":1}}`,
    `{"${secret}":1}`,
  ]
  for (const text of leaky) {
    const result = parse(clientFrames, text)
    assert.ok(!result.ok && !result.why.includes(secret), text)
  }
})

test('nested values are checked too', () => {
  const { client = {}, gateway = {} } = wholeFrames
  const spoiled = [
    [clientFrames, { type: 'profile', user: { custom: { plan: 1 } } }],
    [clientFrames, { type: 'profile', user: { photoUrl: null } }],
    [clientFrames, { type: 'start', ...client['start'], resume: { key: 'k', epoch: 'e', offset: -1 } }],
    [clientFrames, { type: 'start', ...client['start'], resume: { key: 'k', offset: 1 } }],
    [gatewayFrames, { type: 'user', user: { name: 'without an id' } }],
    [gatewayFrames, { type: 'history', id: 'h', messages: [{ ...gateway['message'], offset: 0.5 }] }],
    [gatewayFrames, { type: 'message', ...gateway['message'], sender: { name: 1 } }],
  ] as const
  for (const [table, frame] of spoiled) assert.equal(parsed(table, frame), false, JSON.stringify(frame))
})
