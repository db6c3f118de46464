// The build of the first script shortens the names of fields that stay inside the script.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { clientFrames, gatewayFrames } from '../../src/protocol/index.js'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, root)), 'utf8')

/** The list as it stands in the configuration, which can't be imported from a test that was compiled into another folder. */
const insideNames =
  (/insideNames = \[([^]*?)\n\]/.exec(read('rollup.config.mjs'))?.[1] ?? '').match(/\w+/g) ?? []

const partFiles = readdirSync(fileURLToPath(new URL('dist/cdn/', root))).filter((file) =>
  /^chat-session-(?!worker)\w+-.{8}\.js$/.test(file),
)

test('no part of the script has a field whose name the first script shortens', () => {
  assert.ok(insideNames.length > 20 && partFiles.length > 3)
  for (const file of partFiles) {
    const names = new Set(read(`dist/cdn/${file}`).match(/[\w$]+/g))
    assert.deepEqual(
      insideNames.filter((name) => names.has(name)),
      [],
      file,
    )
  }
})

test('no frame, no option and no event has such a field', () => {
  const frames = [clientFrames, gatewayFrames].flatMap((frames) => Object.values(frames).flatMap(Object.keys))
  const types = ['options', 'messages', 'events', 'errors'].map((name) => read(`dist/session/${name}.d.ts`))
  const names = new Set([
    ...frames,
    ...(types
      .join(' ')
      .replace(/\/\*[^]*?\*\//g, '')
      .match(/\w+/g) ?? []),
  ])
  assert.ok(names.has('retryAfter') && names.has('tokenFetcher'))
  assert.deepEqual(
    insideNames.filter((name) => names.has(name)),
    [],
  )
})
