// Each page that lists the fields of a profile lists all of them, in one sentence or row.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { profileFields } from '../../src/protocol/index.js'

const fields = Object.keys(profileFields)

/** Where each page lists the fields: the beginning of the line. */
const lists: [page: string, start: RegExp][] = [
  ['docs/PROTOCOL.md', /^- A \*\*profile\*\* has /],
  ['docs/BACKENDS.md', /^- `user` is optional\. It vouches for a profile: /],
  ['docs/SESSION.md', /^\| `user` +\| /],
]

for (const [page, start] of lists)
  test(`${page} lists every field of a profile`, async () => {
    const lines = (await readFile(new URL(`../../${page}`, import.meta.url), 'utf8')).split('\n')
    const first = lines.findIndex((line) => start.test(line))
    assert.notEqual(first, -1)
    // A sentence may go on in the next line.
    const listed = lines
      .slice(first, first + (lines[first]?.startsWith('|') ? 1 : 2))
      .join(' ')
      .match(/\b[a-z][A-Za-z]+\b/g)
    for (const field of fields) assert.ok(listed?.includes(field), field)
  })
