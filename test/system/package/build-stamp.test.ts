// If nothing has changed since a build, the next build is left out, so that the commands of CI do not build the same again and again.
import assert from 'node:assert/strict'
import { appendFile, cp, mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { isUpToDate, stamp } from '../../../scripts/build/stamp.mjs'
import { scratchFolder } from '../../support/scratch-folder.js'

const sources = ['src/a.ts', 'scripts/build/build.mjs', 'index.html', 'rollup.config.mjs']
const configs = ['tsconfig.json', 'package.json', 'package-lock.json']
const outputs = ['dist/a.js', 'dist/cdn/b.js']

const built = scratchFolder()
for (const file of [...sources, ...configs, ...outputs]) {
  await mkdir(join(built, file, '..'), { recursive: true })
  await writeFile(join(built, file), 'before')
}

/** Returns whether a project that was built is up to date after `change`. */
const isUpToDateAfter = async (change: (root: string) => Promise<unknown>): Promise<boolean> => {
  const root = join(scratchFolder(), 'project')
  await cp(built, root, { recursive: true })
  await stamp(root)
  await change(root)
  return isUpToDate(root)
}

test('a project that was never built, or whose packages were installed again, is built', async () => {
  assert.equal(await isUpToDate(built), false)
  assert.equal(await isUpToDateAfter((root) => rm(join(root, 'node_modules'), { recursive: true })), false)
})

test('a project that has not changed is not built again', async () => {
  assert.equal(await isUpToDateAfter(() => Promise.resolve()), true)
  assert.equal(await isUpToDateAfter((root) => utimes(join(root, 'src/a.ts'), 0, 0)), true)
  assert.equal(await isUpToDateAfter((root) => writeFile(join(root, 'dist/more.js'), '')), true)
})

for (const file of [...sources, ...configs])
  test(`a project whose ${file} has changed is built`, async () => {
    assert.equal(await isUpToDateAfter((root) => writeFile(join(root, file), 'beyond')), false)
  })

for (const [what, change] of [
  ['a new source', (root) => writeFile(join(root, 'src/b.ts'), '')],
  ['a source less', (root) => rm(join(root, 'src/a.ts'))],
  ['another name of a source', (root) => rename(join(root, 'src/a.ts'), join(root, 'src/b.ts'))],
  ['no dist/', (root) => rm(join(root, 'dist'), { recursive: true })],
  ['a lost output', (root) => rm(join(root, 'dist/cdn/b.js'))],
  ['a changed output', (root) => appendFile(join(root, 'dist/cdn/b.js'), 'x')],
  ['an output that was written again', (root) => utimes(join(root, 'dist/a.js'), 0, 0)],
] as [string, (root: string) => Promise<unknown>][])
  test(`a project with ${what} is built`, async () => {
    assert.equal(await isUpToDateAfter(change), false)
  })
