import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { profileFields } from '../../src/protocol/index.js'

test('docs/PROTOCOL.md lists every field of a profile', async () => {
  const page = await readFile(new URL('../../docs/PROTOCOL.md', import.meta.url), 'utf8')
  // The sentence goes on in the next line.
  const [sentence = ''] = /^- A \*\*profile\*\* has .*\n.*/m.exec(page) ?? []
  for (const field of Object.keys(profileFields)) assert.ok(sentence.includes(`\`${field}\``), field)
})
