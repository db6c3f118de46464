import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { sbomOf } from '../../../scripts/release/sbom.mjs'
import { problemOf, targetsOf } from '../../support/links.js'
import { pack, root } from './packed.js'

const run = promisify(execFile)

const MOST_PACKAGES = 40
const MOST_BYTES = 20_000_000

let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-session-pack-'))
  const tarball = await pack(folder)
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'newcomer', type: 'module', private: true }),
  )
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], { cwd: folder })
})
after(() => rm(folder, { recursive: true, force: true }))

/** Returns the bytes of all files below `path`. */
const weigh = async (path: string): Promise<number> => {
  const files = await readdir(path, { recursive: true, withFileTypes: true })
  const sizes = files
    .filter((file) => file.isFile())
    .map(async (file) => (await stat(join(file.parentPath, file.name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

test(`an install is at most ${MOST_PACKAGES} packages and ${MOST_BYTES / 1e6} MB`, async (context) => {
  const lock = JSON.parse(await readFile(join(folder, 'node_modules/.package-lock.json'), 'utf8')) as {
    packages: Record<string, unknown>
  }
  const packages = Object.keys(lock.packages).length
  const bytes = await weigh(join(folder, 'node_modules'))
  context.diagnostic(`${packages} packages, ${(bytes / 1e6).toFixed(1)} MB`)
  assert.ok(packages <= MOST_PACKAGES, `${packages} packages`)
  assert.ok(bytes <= MOST_BYTES, `${bytes} bytes`)
})

test('the bill of materials of a release has the packages of an install, with their hashes and licenses', async () => {
  const read = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as { packages: object }
  const { packages } = await read(join(folder, 'node_modules/.package-lock.json'))
  const { bomFormat, metadata, components, dependencies } = sbomOf(
    await read(join(root, 'package-lock.json')),
  )
  assert.equal(bomFormat, 'CycloneDX')
  assert.match(metadata.component.purl, /^pkg:npm\/chat-session@/)
  const installed = Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, ''))
  const listed = components.map(({ name }) => name)
  assert.deepEqual([...listed, 'chat-session'].toSorted(), installed.toSorted())
  for (const { name, purl, hashes, licenses } of components) {
    assert.ok(purl.startsWith(`pkg:npm/${name.replace('@', '%40')}@`), purl)
    assert.match(hashes?.[0]?.content ?? '', /^[0-9a-f]{128}$/, name)
    assert.equal(licenses.length, 1, name)
  }
  assert.deepEqual(
    dependencies[0]?.dependsOn,
    components.map(({ purl }) => purl),
  )
})

test('the installed command prints its version', async () => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  const { stdout } = await run('npx', ['--no-install', 'chat-session', '--version'], { cwd: folder })
  assert.equal(stdout.trim(), version)
})

test('the installed command writes a first config, and prints code of the installed docs/backends/', async () => {
  const app = join(folder, 'app')
  await mkdir(app)
  await writeFile(join(app, 'package.json'), '{"dependencies":{"express":"5"}}')
  const { stdout } = await run(join(folder, 'node_modules/.bin/chat-session'), ['init'], { cwd: app })
  assert.match(stdout, /^export const chatTokenHandler/m)
  assert.deepEqual((await readdir(app)).sort(), ['chat-secret', 'chat.json', 'package.json'])
})

test('the installed command, run without npx, drains at SIGTERM and exits with 0', async () => {
  await writeFile(
    join(folder, 'chat.json'),
    JSON.stringify({
      listen: { port: 0 },
      engine: { type: 'memory' },
      apps: { app: { environment: 'test' } },
    }),
  )
  const gateway = spawn('node_modules/.bin/chat-session', ['serve', '--config', 'chat.json'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exited = once(gateway, 'exit')
  try {
    const [line] = (await once(createInterface(gateway.stdout), 'line')) as [string]
    assert.match(line, /^listening on http/)
  } finally {
    gateway.kill('SIGTERM')
  }
  assert.deepEqual(await exited, [0, null])
})

test('the package has the files of deploy/ that docs/OPERATING.md copies from it', async () => {
  const guide = await readFile(join(root, 'docs/OPERATING.md'), 'utf8')
  const named = [...guide.matchAll(/node_modules\/(chat-session\/deploy\/[\w.-]+)/g)].map(
    ([, path = '']) => path,
  )
  assert.ok(named.length > 1)
  const installed = await readdir(join(folder, 'node_modules/chat-session/deploy'))
  assert.deepEqual(installed, await readdir(join(root, 'deploy')))
  for (const path of named)
    assert.ok(
      installed.some((name) => path.endsWith(`/${name}`)),
      path,
    )
})

test('llms.txt lists every page of docs/ and links to those of docs/backends/, and its links and those of the pages lead to files of the package', async () => {
  const installed = pathToFileURL(join(folder, 'node_modules/chat-session/'))
  const pagesIn = async (path: string): Promise<string[]> =>
    (await readdir(new URL(path, installed))).filter((name) => name.endsWith('.md'))
  const pages = await pagesIn('docs/')
  assert.ok(pages.length > 10)
  const backends = (await pagesIn('docs/backends/')).map((name) => `docs/backends/${name}`)
  assert.equal(backends.length, 7)
  const list = await readFile(new URL('llms.txt', installed), 'utf8')
  const problems: (string | undefined)[] = []
  for (const path of ['llms.txt', ...pages.map((name) => `docs/${name}`), ...backends])
    for (const target of targetsOf(await readFile(new URL(path, installed), 'utf8')))
      // The package leaves out the screenshots, which weigh as much as all pages together.
      if (!target.endsWith('.webp')) problems.push(await problemOf(installed, path, target))
  assert.deepEqual(
    problems.filter((problem) => problem !== undefined),
    [],
  )
  for (const path of backends) assert.ok(targetsOf(list).includes(path), path)
  // One line for each page.
  const lines = list.split('\n')
  for (const name of pages) {
    const [line, ...more] = lines.filter((one) => one.startsWith(`- [docs/${name}](docs/${name}): `))
    assert.ok(line !== undefined && more.length === 0, name)
  }
})

test('the installed package starts a session from end to end', async () => {
  await writeFile(
    join(folder, 'whole.mjs'),
    `
    import { ChatSession } from 'chat-session'
    import { createGateway } from 'chat-session/gateway'
    import { createToken } from 'chat-session/tokens'
    import { WebSocket } from 'ws'

    const secret = 'a secret of 32 bytes or more, yes'
    const gateway = createGateway({
      listen: { port: 0 },
      engine: { type: 'embedded', path: 'data' },
      apps: { app: { environment: 'test', secrets: [secret] } },
    })
    const endpoint = await gateway.listen()
    const token = await createToken({ appId: 'app', userId: '1', secret })
    const session = new ChatSession({ endpoint, appId: 'app', token, WebSocket })
    const result = await session.start()
    console.log(result.succeeded ? session.user.id : result.error.code)
    await session.end()
    await gateway.close()`,
  )
  const { stdout } = await run(process.execPath, ['whole.mjs'], { cwd: folder, timeout: 300_000 })
  assert.equal(stdout.trim(), '1')
})

const compile = async (file: string, source: string, more: string[] = []): Promise<void> => {
  await writeFile(join(folder, file), source)
  const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext']
  const target = ['--target', 'es2022', '--lib', 'es2022,dom,dom.iterable']
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  await run(process.execPath, [tsc, ...options, ...target, ...more, file], { cwd: folder }).catch(
    (error: unknown) => assert.fail((error as { stdout: string }).stdout),
  )
}

test('a browser project with strict settings compiles with the package’s types', async () => {
  await compile(
    'page.ts',
    `
    import { ChatSession, type SessionState } from 'chat-session'
    import type { ChatSessionElement } from 'chat-session/element'
    import 'chat-session/define'

    const element: ChatSessionElement = document.createElement('chat-session')
    element.addEventListener('session-started', ({ detail }) => detail.user.id.toUpperCase())
    export const state: SessionState = new ChatSession({ endpoint: 'https://x', appId: 'a', token: 't' }).state
    // @ts-expect-error an app id is asked for
    export const wrong = new ChatSession({ endpoint: 'https://x' })`,
  )
})

test('a server project with strict settings compiles with the package’s types', async () => {
  await compile(
    'server.ts',
    `
    import { createToken } from 'chat-session/tokens'
    import { createGateway, type GatewayConfig } from 'chat-session/gateway'
    import { createMemoryEngine, type Engine } from 'chat-session/engine'

    export const token: Promise<string> = createToken({ appId: 'a', userId: 1, secret: 's' })
    export const config: GatewayConfig = { apps: {} }
    export const gateway = createGateway
    export const engine: Engine = createMemoryEngine()
    // @ts-expect-error a user is asked for
    export const wrong = createToken({ appId: 'a', secret: 's' })`,
    ['--skipLibCheck'],
  )
})
