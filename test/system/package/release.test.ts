import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { load } from 'js-yaml'
import { scratchFolder } from '../../support/scratch-folder.js'
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

/** Copies the files that a release reads, with a changelog for this version. Returns the folder. */
const prepare = async (): Promise<string> => {
  const folder = scratchFolder()
  const files = [
    'package.json',
    'package-lock.json',
    'packages/conformance/package.json',
    'src/protocol/version.ts',
    'deploy/helm',
    'deploy/kubernetes.yaml',
    'scripts',
    'dist/cdn',
  ]
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
  assert.ok(error, 'check.mjs refuses the tag')
  assert.equal(error.code, 1)
  return error.stderr
}

test('each script and file that a workflow runs exists', async () => {
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

test('each workflow is YAML, and each of its commands is a shell’s', () => {
  for (const [name, text] of workflows) {
    const { jobs: parsed } = load(text) as { jobs: Record<string, { steps?: { run?: string }[] }> }
    for (const { run } of Object.values(parsed).flatMap(({ steps = [] }) => steps)) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: run ?? '', encoding: 'utf8' })
      assert.equal(status, 0, `${name}: ${run ?? ''}: ${stderr}`)
    }
  }
})

test('each action is pinned to a commit, with its version in a comment', () => {
  for (const [name, text] of workflows)
    for (const [line] of text.matchAll(/uses: (?!\.\/).*/g))
      assert.match(line, /^uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, name)
})

/** The text of each job of the release workflow, by the job's name. */
const jobs = new Map(
  release
    .slice(release.indexOf('\njobs:\n'))
    .split(/\n(?= {2}[\w-]+:\n)/)
    .slice(1)
    .map((text) => [text.slice(2, text.indexOf(':')), text]),
)

const jobOf = (name: string): string => {
  const text = jobs.get(name)
  assert.ok(text, `the release workflow has the job ${name}`)
  return text
}

/** The permissions of a job, each as `NAME: VALUE`. */
const permissionsOf = (job: string): string[] => {
  const [, block] = /\n {4}permissions:\n((?: {6}.*\n?)+)/.exec(job) ?? []
  assert.ok(block, `it names its permissions: ${job}`)
  return block
    .trim()
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
}

/** The actions that a job uses, without their versions, and the commands that it runs. */
const stepsOf = (job: string): string[] =>
  [...job.matchAll(/(?:uses|run): ([^\n@]+)/g)].map(([, step = '']) => step.trim())

test('a release is checked, then built, then published, then announced, and its image is made of what was published', () => {
  assert.match(release, /tags: \['v\*'\]/)
  assert.deepEqual([...jobs.keys()], ['checks', 'build', 'publish', 'announce', 'images', 'image', 'attest'])
  assert.match(jobOf('checks'), /uses: \.\/\.github\/workflows\/nightly\.yml/)
  assert.match(workflows.get('nightly.yml') ?? '', /run: bash \.ci\/nightly/)
  assert.match(jobOf('build'), /\n {4}needs: checks\n/)
  assert.match(jobOf('publish'), /\n {4}needs: build\n/)
  assert.match(jobOf('announce'), /\n {4}needs: publish\n/)
  assert.match(jobOf('images'), /\n {4}needs: publish\n/)
  assert.match(jobOf('image'), /\n {4}needs: images\n/)
  assert.match(jobOf('attest'), /\n {4}needs: image\n/)
})

test('each job of a release has the permissions that it needs and no others', () => {
  assert.match(release, /^permissions: \{\}$/m)
  assert.deepEqual(permissionsOf(jobOf('checks')), ['contents: read'])
  assert.deepEqual(permissionsOf(jobOf('build')), ['contents: read'])
  assert.deepEqual(permissionsOf(jobOf('publish')), ['id-token: write'])
  assert.deepEqual(permissionsOf(jobOf('announce')), ['contents: write'])
  assert.deepEqual(permissionsOf(jobOf('images')), ['packages: write'])
  assert.deepEqual(permissionsOf(jobOf('image')), ['packages: write'])
  assert.deepEqual(permissionsOf(jobOf('attest')), ['id-token: write', 'attestations: write'])
})

test('the job that builds a release checks the tag first, and runs no install script', () => {
  const commands = stepsOf(jobOf('build')).filter((step) => !step.startsWith('actions/'))
  assert.deepEqual(commands.slice(0, 7), [
    'node scripts/release/check.mjs "$GITHUB_REF_NAME"',
    'npm ci --ignore-scripts',
    'npm run integrity',
    'node scripts/release/files.mjs release',
    'npm pack --ignore-scripts --pack-destination release',
    'npm pack --workspace chat-session-conformance --pack-destination release',
    'helm package deploy/helm/chat-session --destination release/chart',
  ])
})

test('the job that publishes checks out nothing, installs nothing and publishes the files whose hashes were built', () => {
  const job = jobOf('publish')
  assert.deepEqual(stepsOf(job), [
    'actions/setup-node',
    'actions/download-artifact',
    'echo "$SHA256" | sha256sum --check --strict',
    'npm publish "./chat-session-${GITHUB_REF_NAME#v}.tgz" --provenance --access public',
    'npm publish "./chat-session-conformance-${GITHUB_REF_NAME#v}.tgz" --provenance --access public',
  ])
  assert.ok(jobOf('build').includes('sha256sum *.tgz'))
  assert.match(job, /SHA256: \$\{\{ needs\.build\.outputs\.sha256 \}\}/)
})

test('the image has the published package, an SBOM and provenance, and no install script runs outside of its build', async () => {
  const job = jobOf('images')
  const { peerDependencies } = await readJson<{ peerDependencies: { ioredis: string; undici: string } }>(
    'package.json',
  )
  const undici = '^7.0.0'
  assert.ok(peerDependencies.undici.split(' || ').includes(undici))
  for (const part of [
    `npm install --ignore-scripts --prefer-online "chat-session@$version" ioredis@${peerDependencies.ioredis} undici@${undici}\n`,
    'npm audit signatures\n',
    '--file node_modules/chat-session/deploy/Dockerfile --sbom=true --provenance=mode=max ',
  ])
    assert.ok(job.includes(part), part)
  assert.doesNotMatch(job, /actions\/checkout/)
})

/** The words of runners for their processors: `runs-on` and the variable RUNNER_ARCH. */
const processors = { 'ubuntu-24.04': 'X64', 'ubuntu-24.04-arm': 'ARM64' }

test('the tags of the image have all that was built, and the chart names them', async () => {
  assert.ok(jobOf('images').includes(`runner: [${Object.keys(processors).join(', ')}]`))
  assert.ok(jobOf('images').includes('--tag "$IMAGE:${GITHUB_REF_NAME#v}-$RUNNER_ARCH" --push'))
  const built = Object.values(processors).map((processor) => `"$tag-${processor}"`)
  const tags = jobOf('image')
  assert.ok(tags.includes('tag="$IMAGE:${GITHUB_REF_NAME#v}"\n'))
  assert.ok(tags.includes(` create --tag "$tag" --tag "$IMAGE:latest" ${built.join(' ')}\n`))
  const [, repository] = /github\.com\/(.*)\.git$/.exec(packageJson.repository.url) ?? []
  for (const job of ['images', 'image'])
    assert.ok(jobOf(job).includes('IMAGE: ghcr.io/${{ github.repository }}\n'))
  const values = await readFile(join(root, 'deploy/helm/chat-session/values.yaml'), 'utf8')
  assert.ok(values.includes(`repository: ghcr.io/${repository ?? ''}\n`))
})

test('the job that signs the image runs nothing but the action for it', () => {
  const job = jobOf('attest')
  assert.deepEqual(stepsOf(job), ['actions/attest-build-provenance'])
  assert.match(job, /subject-digest: \$\{\{ needs\.image\.outputs\.digest \}\}/)
})

test('a release is published without a stored token', () => {
  assert.doesNotMatch(release, /NODE_AUTH_TOKEN|NPM_TOKEN|secrets\./)
})

test('package.json names the repository on GitHub, which provenance is checked against', () => {
  assert.equal(packageJson.repository.type, 'git')
  assert.match(packageJson.repository.url, /^git\+https:\/\/github\.com\/[\w-]+\/[\w-]+\.git$/)
})

test('every file of this tree has the same version', async () => {
  assert.equal(await runScript(root, 'release/check.mjs'), `This is ${version}.\n`)
})

test('a tag is released if every file has its version', async () => {
  assert.equal(await runScript(await prepare(), 'release/check.mjs', `v${version}`), `This is ${version}.\n`)
})

test('a tag that is not the version is not released', async () => {
  const folder = await prepare()
  assert.match(await refusal(folder, 'v99.0.0'), /The tag is v99\.0\.0\./)
  assert.match(await refusal(folder, version), new RegExp(`The tag is ${version}\\.`))
})

test('a prerelease is not released, because it would become the latest version', async () => {
  const folder = await prepare()
  assert.match(await refusal(folder, `v${version}-rc.1`), /v.+-rc\.1 is a prerelease/)
})

const disagreements: [file: string, from: string, to: string, message: RegExp][] = [
  ['package-lock.json', `"version": "${version}"`, '"version": "99.0.0"', /package-lock\.json says 99\.0\.0/],
  [
    'packages/conformance/package.json',
    `"version": "${version}"`,
    '"version": "99.0.0"',
    /conformance\/package\.json says 99\.0\.0/,
  ],
  [
    'packages/conformance/package.json',
    `"chat-session": "${version}"`,
    '"chat-session": "99.0.0"',
    /conformance\/package\.json says 99\.0\.0/,
  ],
  ['src/protocol/version.ts', `'${version}'`, "'99.0.0'", /src\/protocol\/version\.ts says 99\.0\.0/],
  [
    'deploy/helm/chat-session/Chart.yaml',
    `\nversion: ${version}`,
    '\nversion: 99.0.0',
    /Chart\.yaml says 99\.0\.0/,
  ],
  [
    'deploy/helm/chat-session/Chart.yaml',
    `appVersion: ${version}`,
    'appVersion: 99.0.0',
    /Chart\.yaml says 99\.0\.0/,
  ],
  [
    'deploy/kubernetes.yaml',
    `chat-session:${version}`,
    'chat-session:99.0.0',
    /kubernetes\.yaml says 99\.0\.0/,
  ],
  ['CHANGELOG.md', `## ${version}`, '## 99.0.0', /CHANGELOG\.md has nothing under/],
]

for (const [file, from, to, message] of disagreements)
  test(`a tag is not released if ${file} has ${to.trim()}`, async () => {
    const folder = await prepare()
    await change(folder, file, from, to)
    assert.match(await refusal(folder, `v${version}`), message)
  })

test('a release has the changelog of its version, and both scripts with their hashes', async () => {
  const folder = await prepare()
  await runScript(folder, 'release/files.mjs', 'release')
  const built = JSON.parse(await readFile(join(folder, 'dist/cdn/integrity.json'), 'utf8')) as object
  const { 'chat-session.js': first, 'chat-window.js': second, ...parts } = built as Record<string, string>
  const partFiles = Object.keys(parts)
  assert.ok(partFiles.length > 0)
  const names = ['chat-session', 'chat-window'].map((name) => `${name}-${version}.js`)
  assert.deepEqual(
    (await readdir(join(folder, 'release/cdn'))).sort(),
    [...names, 'chat-session.js.map', 'integrity.json', ...partFiles].sort(),
  )
  const hashes = await Promise.all(
    names.map(async (name) => {
      const script = await readFile(join(folder, 'release/cdn', name))
      return `sha384-${createHash('sha384').update(script).digest('base64')}`
    }),
  )
  const integrity = JSON.parse(await readFile(join(folder, 'release/cdn/integrity.json'), 'utf8')) as unknown
  assert.deepEqual([first, second], hashes)
  assert.deepEqual(
    integrity,
    Object.fromEntries([...names.map((name, n) => [name, hashes[n]]), ...Object.entries(parts)]),
  )
  const sbom = JSON.parse(await readFile(join(folder, 'release/sbom.cdx.json'), 'utf8')) as {
    components: unknown[]
  }
  assert.ok(sbom.components.length > 10)
  assert.ok(jobOf('announce').includes('gh release create "$GITHUB_REF_NAME" cdn/* sbom.cdx.json '))
  const notes = await readFile(join(folder, 'release/notes.md'), 'utf8')
  assert.match(notes, /^### Added\n\n- A tag\.\n/)
  for (const hash of hashes) assert.ok(notes.includes(hash))
  assert.doesNotMatch(notes, /Later|Long ago|^## /m)
})
