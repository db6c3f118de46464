import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientVersion, countVersions } from '../../../src/gateway/metrics/client-versions.js'

test('a client has its version as its label, and none is unknown', () => {
  for (const client of ['chat-session/1.2.3', 'my-app/2.0.0-beta.1', 'bot'])
    assert.equal(clientVersion(client), client)
  assert.equal(clientVersion(null), 'unknown')
})

test('a text that is no name with a version has no label of its own', () => {
  for (const client of ['', 'a b', 'a"}', 'a\nb', 'ä', 'x'.repeat(64), '1/2/3/4'])
    assert.equal(clientVersion(client), 'other')
})

test('names that are made up take no label from a version that has more sessions', () => {
  const junk = Array.from({ length: 10_000 }, (_, index) => `made-up/${index}`)
  const people = ['chat-session/1.0.0', 'chat-session/1.1.0', 'my-app/2'].flatMap((version) => [
    version,
    version,
  ])
  const counts = countVersions([...junk, ...people, 'unknown', 'other'])
  assert.equal(counts.size, 52)
  for (const version of people) assert.equal(counts.get(version), 2)
  assert.equal(counts.get('unknown'), 1)
  assert.equal(counts.get('other'), 1 + 10_000 - 47)
  assert.equal(
    [...counts.values()].reduce((sum, count) => sum + count, 0),
    10_008,
  )
})

test('up to fifty versions have their own labels, and the same ones at the next scrape', () => {
  const versions = Array.from({ length: 60 }, (_, index) => `app/${index}`)
  assert.equal(countVersions(versions.slice(0, 50)).get('other'), undefined)
  assert.deepEqual([...countVersions(versions).keys()], [...countVersions(versions.reverse()).keys()])
})
