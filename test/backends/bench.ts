import assert from 'node:assert/strict'
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '../support/scratch-folder.js'
import { freePort } from '../support/free-port.js'
import { languages, type Language } from './languages.js'
import { chapters, type Block } from './page.js'

export type Name = keyof typeof languages
export const names = Object.keys(languages) as Name[]

const root = fileURLToPath(new URL('../../', import.meta.url))
const folders: Record<Name, string> = {
  Ruby: 'ruby',
  Python: 'python',
  PHP: 'php',
  Go: 'go',
  Java: 'java',
  'C#': 'csharp',
  Node: 'node',
}

/** Debian's own programs go first, since its packages are theirs; all text is UTF-8. */
const environment = (more: Record<string, string>): NodeJS.ProcessEnv => ({
  PATH: `/usr/bin:/bin:${process.env['PATH'] ?? ''}`,
  HOME: process.env['HOME'],
  LC_ALL: 'C.UTF-8',
  ...more,
})

/** Fails by the names of what isn't installed. */
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
    // A slow machine compiles Go's whole library for the first time.
    timeout: 600_000,
  })
  if (error) throw error
  assert.equal(status, 0, `${program} ended with ${status}:\n${stdout}${stderr}`)
  return stdout
}

/** The ways in which the page shows the file that mints tokens. */
export const mintersOf = (name: Name): Block[] =>
  (chapters.get(name) ?? []).filter(({ file }) => file === languages[name].minter)

/** A folder with what the page shows of a language, one way to mint, and the rest of a program; compiled. */
export const layOut = (name: Name, minter = mintersOf(name)[0]): string => {
  requirePackages(name)
  const { build }: Language = languages[name]
  const folder = scratchFolder()
  cpSync(new URL(`${folders[name]}/`, import.meta.url), folder, { recursive: true })
  for (const block of chapters.get(name) ?? []) {
    if (block.file === undefined || (block.file === minter?.file && block !== minter)) continue
    const path = join(folder, block.file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, block.code)
  }
  if (name === 'Node') {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(root, join(folder, 'node_modules/chat-session'))
  }
  if (build !== undefined) run(folder, ['sh', '-c', build])
  return folder
}

/** Starts a server and answers its address once it answers; it ends with the tests. */
export const startServer = async (
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
  let said = ''
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', (text: string) => (said += text))
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
      assert.fail(`${program} does not answer: ${String(answered)}\n${said}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
