import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClientVersions } from '../../../src/gateway/metrics/client-versions.js'
import { VERSION } from '../../../src/protocol/index.js'

test('a client has its version as its label, and none is unknown', () => {
  const labelOf = createClientVersions()
  for (const client of ['chat-session/1.2.3', 'my-app/2.0.0-beta.1', 'bot'])
    assert.equal(labelOf(client), client)
  assert.equal(labelOf(null), 'unknown')
})

test('a text that is no name with a version has no label of its own', () => {
  const labelOf = createClientVersions()
  for (const client of ['', 'a b', 'a"}', 'a\nb', 'ä', 'x'.repeat(64), '1/2/3/4'])
    assert.equal(labelOf(client), 'other')
})

test('clients that make up versions get fifty labels at most, and the current version keeps its own', () => {
  const labelOf = createClientVersions()
  const labels = new Set(Array.from({ length: 10_000 }, (_, index) => labelOf(`made-up/${index}`)))
  assert.equal(labels.size, 50)
  assert.ok(labels.has('other'))
  assert.equal(labelOf('made-up/0'), 'made-up/0')
  assert.equal(labelOf(`chat-session/${VERSION}`), `chat-session/${VERSION}`)
})
