import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parsePost } from '../../../../src/gateway/transports/stream/post.js'

const key = fc.oneof(fc.constantFrom('frames', 'stream', 'seq', 'type', '"frames":['), fc.string())
const list = fc.array(fc.jsonValue(), { minLength: 1, maxLength: 16 })

test('the texts of frames are those of the list that JSON.parse reads, whatever stands around it', () => {
  const others = fc.array(fc.tuple(key, fc.oneof(fc.jsonValue(), list)), { maxLength: 6 })
  const spaces = fc.constantFrom('', ' ', '\n\t')
  fc.assert(
    fc.property(list, others, others, spaces, (frames, before, after, space) => {
      const pairs: [string, unknown][] = [
        ...before,
        ['stream', 'id'],
        ['seq', 7],
        ['frames', frames],
        ...after,
      ]
      const fields = pairs.map(
        ([name, value]) =>
          `${space}${JSON.stringify(name)}${space}:${JSON.stringify(value, null, space)}${space}`,
      )
      const body = `${space}{${fields.join(',')}}${space}`
      const value = JSON.parse(body) as { stream: unknown; seq: unknown; frames: unknown }
      const isGood =
        typeof value.stream === 'string' &&
        Number.isSafeInteger(value.seq) &&
        Number(value.seq) >= 1 &&
        Array.isArray(value.frames) &&
        value.frames.length >= 1 &&
        value.frames.length <= 16
      const post = parsePost(Buffer.from(body))
      assert.equal(post !== undefined, isGood)
      if (!post) return
      assert.deepEqual(
        { ...post, frames: post.frames.map((text) => JSON.parse(text) as unknown) },
        { stream: value.stream, seq: value.seq, frames: value.frames },
      )
    }),
    { numRuns: 500 },
  )
})

test('bytes that are no post are none, and nothing throws', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
    fc.json().map((text) => Buffer.from(text)),
  )
  fc.assert(
    fc.property(bytes, (body) => void parsePost(body)),
    { numRuns: 5_000 },
  )
  assert.equal(parsePost(Buffer.from(`{"stream":"x","seq":1,"frames":["\xff"]}`, 'latin1')), undefined)
  const deep = `{"stream":"x","seq":1,"frames":[${'['.repeat(60_000)}${']'.repeat(60_000)}]}`
  assert.equal(parsePost(Buffer.from(deep))?.frames[0]?.length, 120_000)
})
