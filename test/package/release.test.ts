import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { packageJson, readJson } from './manifest.js'
import { root } from './packed.js'

const workflows = new Map<string, string>()
for (const name of await readdir(join(root, '.github/workflows')))
  workflows.set(name, await readFile(join(root, '.github/workflows', name), 'utf8'))
const release = workflows.get('release.yml') ?? ''

const { version } = packageJson

const changelog = `# Changelog

## Unreleased

Later.

## ${version} - 2026-01-31

### Added

- A tag.

## 0.0.1

Long ago.
`

/** A copy of what a release is made of, as it stands for the release of this version. */
const prepare = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-release-'))
  after(() => rm(folder, { recursive: true }))
  const files = ['package.json', 'package-lock.json', 'src/protocol/version.ts', 'scripts', 'dist/cdn']
  for (const file of files) await cp(join(root, file), join(folder, file), { recursive: true })
  await writeFile(join(folder, 'CHANGELOG.md'), changelog)
  return folder
}

const change = async (folder: string, file: string, from: string, to: string): Promise<void> => {
  const path = join(folder, file)
  const text = await readFile(path, 'utf8')
  assert.ok(text.includes(from), `${file} has ${from}`)
  await writeFile(path, text.replace(from, to))
}

const runScript = async (cwd: string, name: string, ...args: string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, [join('scripts', name), ...args], { cwd })
  return stdout
}

const refusal = async (folder: string, tag: string): Promise<string> => {
  const error = await runScript(folder, 'release/check.mjs', tag).then(
    () => undefined,
    (reason: unknown) => reason as { code: number; stderr: string },
  )
  assert.ok(error, 'it was let pass')
  assert.equal(error.code, 1)
  return error.stderr
}

test('what a workflow runs is there', async () => {
  const { scripts } = await readJson<{ scripts: Record<string, string> }>('package.json')
  const all = [...workflows.values()].join('\n')
  const named = (pattern: RegExp): string[] => [...all.matchAll(pattern)].map(([, name = '']) => name)
  const run = named(/npm run ([\w:-]+)/g)
  assert.ok(run.length)
  for (const name of run) assert.ok(scripts[name], `npm run ${name}`)
  const files = [...named(/(?:node|bash) ([\w./-]+)/g), ...named(/uses: (\.\/\S+)/g)]
  assert.ok(files.length >= 4)
  for (const file of files) assert.ok(existsSync(join(root, file)), file)
})

test('actions of others are pinned to a commit, with the version that it is of', () => {
  for (const [name, text] of workflows)
    for (const [line] of text.matchAll(/uses: (?!\.\/).*/g))
      assert.match(line, /^uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, name)
})

test('a release is checked before it is published, with provenance and without a token', () => {
  const steps = [
    'scripts/release/check.mjs "$GITHUB_REF_NAME"',
    'npm publish --provenance --access public',
    'gh release',
  ]
  const places = steps.map((step) => release.indexOf(step))
  assert.ok(!places.includes(-1), String(places))
  assert.deepEqual(
    places,
    [...places].sort((one, other) => one - other),
  )
  assert.match(release, /tags: \['v\*'\]/)
  assert.match(release, /id-token: write/)
  assert.match(release, /checks:\n {4}uses: \.\/\.github\/workflows\/ci\.yml/)
  assert.match(release, /publish:\n {4}needs: checks/)
  assert.doesNotMatch(release, /NODE_AUTH_TOKEN|NPM_TOKEN/)
  assert.match(workflows.get('ci.yml') ?? '', /run: bash \.ci\/run/)
})

test('this tree agrees on its version', async () => {
  assert.equal(await runScript(root, 'release/check.mjs'), `This is ${version}.\n`)
})

test('a tag is released when everything says its version', async () => {
  assert.equal(await runScript(await prepare(), 'release/check.mjs', `v${version}`), `This is ${version}.\n`)
})

test('another tag than the version is not released', async () => {
  const folder = await prepare()
  assert.match(await refusal(folder, 'v99.0.0'), /The tag is v99\.0\.0\./)
  assert.match(await refusal(folder, version), new RegExp(`The tag is ${version}\\.`))
})

const breaches: [file: string, from: string, to: string, told: RegExp][] = [
  ['package-lock.json', `"version": "${version}"`, '"version": "99.0.0"', /package-lock\.json says 99\.0\.0/],
  ['src/protocol/version.ts', `'${version}'`, "'99.0.0'", /src\/protocol\/version\.ts says 99\.0\.0/],
  ['CHANGELOG.md', `## ${version}`, '## 99.0.0', /CHANGELOG\.md has nothing under/],
]

for (const [file, from, to, told] of breaches)
  test(`it is not released when ${file} says another version`, async () => {
    const folder = await prepare()
    await change(folder, file, from, to)
    assert.match(await refusal(folder, `v${version}`), told)
  })

test('a release shows the changelog of its version, and the script with its hash', async () => {
  const folder = await prepare()
  await runScript(folder, 'release/files.mjs', 'release')
  const name = `chat-session-${version}.js`
  assert.deepEqual((await readdir(join(folder, 'release/cdn'))).sort(), [
    name,
    'chat-session.js.map',
    'integrity.json',
  ])
  const script = await readFile(join(folder, 'release/cdn', name))
  const hash = `sha384-${createHash('sha384').update(script).digest('base64')}`
  const told = JSON.parse(await readFile(join(folder, 'release/cdn/integrity.json'), 'utf8')) as unknown
  assert.deepEqual(told, { [name]: hash })
  const notes = await readFile(join(folder, 'release/notes.md'), 'utf8')
  assert.match(notes, /^### Added\n\n- A tag\.\n/)
  assert.ok(notes.includes(hash))
  assert.doesNotMatch(notes, /Later|Long ago|^## /m)
})
