import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { packageJson, readJson } from './manifest.js'
import { pack, root } from './packed.js'

/** The part of are-the-types-wrong's output that the tests read. */
interface Analysis {
  analysis: {
    entrypoints: Record<
      string,
      { isWildcard: boolean; resolutions: Record<string, { resolution?: { fileName: string } }> }
    >
    problems: { kind: string; entrypoint: string; resolutionKind: string }[]
  }
}

let folder: string
let tarball: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-session-entries-'))
  tarball = await pack(folder)
})
after(() => rm(folder, { recursive: true, force: true }))

test('publint reports no problem of the package, and no suggestion', async () => {
  const { buffer } = new Uint8Array(await readFile(tarball))
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true })
  assert.equal(pkg['name'], 'chat-session')
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg, { color: false })),
    [],
  )
})

// The profile `esm-only`: the package has no CommonJS build, which would be a second copy of the page's sessions. `require`
// works by Node's require(esm), or fails with an error that says to import it.
test('the types of every entry are right, for Node and for bundlers', () => {
  // The exit code is ignored: the problems in the output are a better error.
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      'node_modules/@arethetypeswrong/cli/dist/index.js',
      tarball,
      '--profile',
      'esm-only',
      '--format',
      'json',
    ],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  )
  assert.ok(stdout, stderr)
  const { analysis } = JSON.parse(stdout) as Analysis
  const ways = ['node16-esm', 'bundler']
  assert.deepEqual(
    analysis.problems.filter(({ resolutionKind }) => ways.includes(resolutionKind)),
    [],
  )
  assert.deepEqual(Object.keys(analysis.entrypoints).sort(), Object.keys(packageJson.exports).sort())
  for (const [entry, { isWildcard, resolutions }] of Object.entries(analysis.entrypoints))
    for (const way of isWildcard ? [] : ways)
      assert.match(resolutions[way]?.resolution?.fileName ?? '', /\.(d\.ts|json)$/, `${entry} for ${way}`)
})

/** The paths in the tarball. */
const packedFiles = async (): Promise<string[]> => {
  const { stdout } = await promisify(execFile)('tar', ['-tzf', tarball])
  return stdout
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''))
}

test('every file that package.json and docs/EDITORS.md name is packed', async () => {
  const files = await packedFiles()
  const guide = await readFile(join(root, 'docs/EDITORS.md'), 'utf8')
  const named = [...guide.matchAll(/node_modules\/chat-session\/([^"\s]+)/g)].map(([, path = '']) => path)
  assert.equal(named.length, 2)
  for (const path of [packageJson.customElements, packageJson['web-types'], ...named])
    assert.ok(files.includes(path), path)
})

test('every published source map contains its sources, and every source map that a file names is published', async () => {
  const files = await packedFiles()
  assert.ok(files.includes('dist/cdn/chat-session.js.map.br'))
  for (const file of files.filter((name) => /\.map(\.br)?$/.test(name))) {
    const { sources, sourcesContent = [] } = await readJson<{ sources: string[]; sourcesContent?: string[] }>(
      file.replace(/\.br$/, ''),
    )
    assert.equal(sourcesContent.filter(Boolean).length, sources.length, file)
  }
  for (const file of files.filter((name) => name.endsWith('.js'))) {
    const named = /^\/\/# sourceMappingURL=(\S+)\s*$/m.exec(await readFile(join(root, file), 'utf8'))?.[1]
    if (named) assert.ok(files.includes(`${join(dirname(file), named)}.br`), `${file} names ${named}`)
  }
})
