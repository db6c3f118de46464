import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** The files and folders that a build reads besides packages. */
const sources = [
  'src',
  'scripts',
  'index.html',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'rollup.config.mjs',
]

/** The bundled packages. They are copied, because a source map would have the real path behind a link. */
const bundled = ['@lit', 'lit', 'lit-element', 'lit-html']

/** Makes a second checkout in a deeper folder, with the same packages. */
const checkOut = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-build-'))
  after(() => rm(folder, { recursive: true }))
  const copy = join(folder, 'a', 'deeper', 'folder')
  const modules = join(copy, 'node_modules')
  await mkdir(modules, { recursive: true })
  for (const name of sources) await cp(join(root, name), join(copy, name), { recursive: true })
  // `.cache` has what the last build noted of its own checkout. Another note there would make a build replace dist/ under running tests.
  const names = (await readdir(join(root, 'node_modules'))).filter((name) => name !== '.cache')
  for (const name of names)
    if (bundled.includes(name))
      await cp(join(root, 'node_modules', name), join(modules, name), { recursive: true })
    else await symlink(join(root, 'node_modules', name), join(modules, name))
  return copy
}

test('a build in another folder gives the same script and the same source map, byte by byte, and keeps no module of an earlier one', async () => {
  const copy = await checkOut()
  const stale = join(copy, 'dist/session/stale.js')
  await mkdir(dirname(stale), { recursive: true })
  await writeFile(stale, 'export const stale = true\n')
  await promisify(execFile)(process.execPath, [join('scripts', 'build', 'build.mjs')], {
    cwd: copy,
    timeout: 600_000,
  })
  assert.equal(existsSync(stale), false)
  const files = (await readdir(join(root, 'dist/cdn'))).filter((file) => /\.(js|map|json)$/.test(file))
  assert.ok(files.some((file) => file.startsWith('chat-session-notifications-')))
  for (const file of files)
    assert.ok(
      (await readFile(join(root, 'dist/cdn', file))).equals(await readFile(join(copy, 'dist/cdn', file))),
      file,
    )
})
