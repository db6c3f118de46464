// If nothing has changed since a build, the next build is left out, so that the commands of CI do not build the same again and again.
import assert from 'node:assert/strict'
import { appendFile, cp, mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { hashSources, remaining, stamp } from '../../../scripts/build/stamp.mjs'
import { scratchFolder } from '../../support/scratch-folder.js'

const sources = ['src/a.ts', 'scripts/build/build.mjs', 'index.html', 'rollup.config.mjs']
const configs = ['tsconfig.json', 'package.json', 'package-lock.json']
const outputs = ['dist/a.js', 'dist/.a.tsbuildinfo', 'dist/cdn/b.js']

const built = scratchFolder()
for (const file of [...sources, ...configs, ...outputs]) {
  await mkdir(join(built, file, '..'), { recursive: true })
  await writeFile(join(built, file), 'before')
}

/** Returns what a build of a project has to make after `change`. */
const remainingAfter = async (change: (root: string) => Promise<unknown>): Promise<string> => {
  const root = join(scratchFolder(), 'project')
  await cp(built, root, { recursive: true })
  await stamp(root, await hashSources(root))
  await change(root)
  return remaining(root, await hashSources(root))
}

test('a project that was never built, or whose packages were installed again, is built as a whole', async () => {
  assert.equal(await remaining(built, await hashSources(built)), 'all')
  assert.equal(await remainingAfter((root) => rm(join(root, 'node_modules'), { recursive: true })), 'all')
})

test('a project that has not changed is not built again', async () => {
  assert.equal(await remainingAfter(() => Promise.resolve()), 'nothing')
  assert.equal(await remainingAfter((root) => utimes(join(root, 'src/a.ts'), 0, 0)), 'nothing')
  // `npm run types` notes there what it has checked.
  assert.equal(await remainingAfter((root) => writeFile(join(root, 'dist/.test.tsbuildinfo'), '')), 'nothing')
  assert.equal(await remainingAfter((root) => appendFile(join(root, 'dist/.a.tsbuildinfo'), 'x')), 'nothing')
})

for (const [what, change] of [
  ['src/a.ts has changed', (root) => writeFile(join(root, 'src/a.ts'), 'beyond')],
  ['src/b.ts is new', (root) => writeFile(join(root, 'src/b.ts'), '')],
] as [string, (root: string) => Promise<unknown>][])
  test(`a build makes what has changed if ${what}`, async () => {
    assert.equal(await remainingAfter(change), 'changes')
  })

for (const file of [...sources.slice(1), ...configs])
  test(`a project whose ${file} has changed is built as a whole`, async () => {
    assert.equal(await remainingAfter((root) => writeFile(join(root, file), 'beyond')), 'all')
  })

// tsc alone would restore none of these outputs, and would leave the modules of these sources in dist/.
for (const [what, change] of [
  ['a source less', (root) => rm(join(root, 'src/a.ts'))],
  ['another name of a source', (root) => rename(join(root, 'src/a.ts'), join(root, 'src/b.ts'))],
  ['no dist/', (root) => rm(join(root, 'dist'), { recursive: true })],
  ['a lost output', (root) => rm(join(root, 'dist/cdn/b.js'))],
  ['a changed output', (root) => appendFile(join(root, 'dist/cdn/b.js'), 'x')],
  ['an output that was written again', (root) => utimes(join(root, 'dist/a.js'), 0, 0)],
] as [string, (root: string) => Promise<unknown>][])
  test(`a project with ${what} is built as a whole`, async () => {
    assert.equal(await remainingAfter(change), 'all')
  })

test('a source that changes during a build is built by the next one', async () => {
  const root = join(scratchFolder(), 'project')
  await cp(built, root, { recursive: true })
  const before = await hashSources(root)
  await writeFile(join(root, 'src/a.ts'), 'beyond')
  await stamp(root, before)
  assert.equal(await remaining(root, await hashSources(root)), 'changes')
})
