import assert from 'node:assert/strict'
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '../../support/scratch-folder.js'
import { freePort } from '../../support/network/free-port.js'
import { languages, type Language } from './languages.js'
import type { Block } from '../../../src/cli/init/guide.js'
import { blocksOf, names, type Name } from './page.js'

export { names, type Name }

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** The environment of the programs. Debian's programs come first in PATH, because they find Debian's packages. */
export const environment = (more: Record<string, string>): NodeJS.ProcessEnv => ({
  PATH: `/usr/bin:/bin:${process.env['PATH'] ?? ''}`,
  HOME: process.env['HOME'],
  LC_ALL: 'C.UTF-8',
  ...more,
})

/** Fails with the names of the Debian packages that are not installed. */
const requirePackages = (name: Name): void => {
  const { packages }: Language = languages[name]
  if (packages.length === 0) return
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f=${db:Status-Status} ${Package}\n', ...packages], {
    encoding: 'utf8',
  }) as { stdout: string | null }
  const installed = (stdout ?? '').split('\n')
  const missing = packages.filter((one) => !installed.includes(`installed ${one}`)).join(' ')
  assert.equal(missing, '', `The tests of ${name} need: apt-get install --no-install-recommends ${missing}`)
}

export const run = (
  folder: string,
  [program = '', ...parameters]: string[],
  env: Record<string, string> = {},
): string => {
  const { error, status, stdout, stderr }: SpawnSyncReturns<string> = spawnSync(program, parameters, {
    cwd: folder,
    encoding: 'utf8',
    env: environment(env),
    // The first compilation of Go's standard library takes minutes on a slow machine.
    timeout: 600_000,
  })
  if (error) throw error
  assert.equal(status, 0, `${program} ended with ${status}:\n${stdout}${stderr}`)
  return stdout
}

/** Returns the page's variants of the file that mints tokens. */
export const mintersOf = (name: Name): Block[] =>
  blocksOf(name).filter(({ file }) => file === languages[name].minter)

/** Makes a folder with the page's files of a language, one variant of the minter, and the rest of a program, and compiles it. */
export const prepareFolder = (name: Name, minter = mintersOf(name)[0]): string => {
  requirePackages(name)
  const { build }: Language = languages[name]
  const folder = scratchFolder()
  cpSync(new URL(`${languages[name].folder}/`, import.meta.url), folder, { recursive: true })
  for (const block of blocksOf(name)) {
    if (block.file === undefined || (block.file === minter?.file && block !== minter)) continue
    const path = join(folder, block.file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, block.code)
  }
  if (name === 'Node') {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(root, join(folder, 'node_modules/chat-session'))
    for (const path of ['express', 'fastify', 'hono', '@hono', 'esbuild'])
      symlinkSync(join(root, 'node_modules', path), join(folder, 'node_modules', path))
  }
  if (build !== undefined) run(folder, ['sh', '-c', build])
  return folder
}

/** Starts a server. Resolves with its address when it responds. It ends with the tests. */
export const startBackend = async (
  folder: string,
  [program = '', ...parameters]: string[],
  env: Record<string, string>,
): Promise<string> => {
  const port = await freePort()
  const child = spawn(program, parameters, {
    cwd: folder,
    env: environment({ ...env, PORT: String(port) }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', (text: string) => (printed += text))
  const gone = new Promise<Error | undefined>((resolve) => {
    child.once('error', resolve)
    child.once('close', () => resolve(undefined))
  })
  after(async () => {
    child.kill('SIGKILL')
    await gone
  })
  const url = `http://127.0.0.1:${port}`
  const deadline = Date.now() + 120_000
  for (;;) {
    const answered = await Promise.race([
      fetch(`${url}/chat-token`).then(
        () => 'answers',
        () => 'not yet',
      ),
      gone,
    ])
    if (answered === 'answers') return url
    if (answered !== 'not yet' || Date.now() > deadline)
      assert.fail(`${program} does not answer: ${String(answered)}\n${printed}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
