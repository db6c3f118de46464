// SECURITY.md has a reason for every limit of the config, with the default in docs/GATEWAY.md, which another test compares with the schema.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { limits } from '../../src/protocol/index.js'

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

/** Returns the first two cells of every row of a page's tables. */
const rowsOf = async (path: string): Promise<Map<string, string>> =>
  new Map(
    [...(await read(path)).matchAll(/^\| ([^|]+?) +\| ([^|]+?) +\| /gm)].map(([, key = '', value = '']) => [
      key,
      value,
    ]),
  )

test('SECURITY.md has every limit of the config, with its default', async () => {
  const [guide, page] = [await rowsOf('docs/GATEWAY.md'), await rowsOf('SECURITY.md')]
  const named = [...guide].filter(([key]) => /limits\.|retention\.|Timeout|pingInterval/.test(key))
  assert.ok(named.length > 10, 'the guide has its table')
  for (const [key, value] of named) assert.equal(page.get(key), value, key)
  for (const key of page.keys()) if (/limits\.|retention\./.test(key)) assert.ok(guide.has(key), key)
})

test('SECURITY.md has the sizes of the protocol', async () => {
  const page = await rowsOf('SECURITY.md')
  const sizes = {
    'request headers': limits.headers,
    'a frame': limits.frame,
    'a message': limits.message,
    'a profile, auth params': limits.profile,
  }
  for (const [what, bytes] of Object.entries(sizes))
    assert.ok(page.get(what)?.startsWith(`${bytes.toLocaleString('en')} bytes`), what)
})
