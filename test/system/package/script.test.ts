import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { createContext, runInContext } from 'node:vm'
import { brotliDecompressSync } from 'node:zlib'
import { clientErrorMessages, errorMessages } from '../../../src/protocol/index.js'
import type * as Session from '../../../src/session/index.js'
import { sentences } from '../../../src/session/sentences.js'

const root = new URL('../../../', import.meta.url)
const cdn = new URL('dist/cdn/', root)
const script = await readFile(new URL('chat-session.js', cdn))

const integrity = JSON.parse(await readFile(new URL('integrity.json', cdn), 'utf8')) as Record<string, string>
/** The files of the parts that the first script, or the window's, loads. */
const partsOf = (script: string): string[] =>
  Object.keys(integrity).filter((file) => file.startsWith(`${script}-`))
const parts = partsOf('chat-session')
const windowScript = await readFile(new URL('chat-window.js', cdn))

test('the integrity hashes are those of the scripts, and no other script is left from an earlier build', async () => {
  for (const [file, expected] of Object.entries(integrity)) {
    const algorithm = expected.slice(0, 6)
    const hash = createHash(algorithm)
      .update(await readFile(new URL(file, cdn)))
      .digest('base64')
    assert.equal(expected, `${algorithm}-${hash}`, file)
  }
  const scripts = (await readdir(cdn)).filter((file) => file.endsWith('.js'))
  assert.deepEqual(scripts.sort(), [...Object.keys(integrity), 'chat-session-worker.js'].sort())
})

for (const [name, source] of [
  ['chat-session', script],
  ['chat-window', windowScript],
] as const)
  test(`${name}.js has the hash of each of its parts, of which their names are made`, () => {
    assert.ok(partsOf(name).length > 0)
    for (const file of partsOf(name)) {
      const [, part = '', start] = new RegExp(`^${name}-([a-z]+)-(\\w{8})\\.js$`).exec(file) ?? []
      const hash = (integrity[file] ?? '').slice('sha256-'.length)
      assert.ok(source.includes(`${part}:"${hash}"`), file)
      assert.equal(hash.replace(/\W/g, '').slice(0, 8), start)
    }
  })

test('the first script has nothing of the window, and of lit only ReactiveElement', () => {
  for (const text of ['chat-window', 'lit-html', 'litHtml']) assert.ok(!script.includes(text), text)
  assert.ok(windowScript.includes('lit-html'), 'the window has lit-html')
})

test('the pinned tag of docs/ELEMENT.md names this version and has the hash of the built script', async () => {
  const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { version: string }
  const page = await readFile(new URL('docs/ELEMENT.md', root), 'utf8')
  const [, address, hash] = /\/v1\/(chat-session-\S+)"\s+integrity="([^"]*)"/.exec(page) ?? []
  assert.equal(address, `chat-session-${version}.js`)
  const built = `sha384-${createHash('sha384').update(script).digest('base64')}`
  assert.equal(hash, built, 'The script changed: `npm run integrity` writes its hash into docs/ELEMENT.md.')
})

test('the script and its parts import no file; the script imports a part whose script element has loaded', async () => {
  const imports = /\bimport\s*[({'"]|\bfrom\s*['"]/g
  for (const file of [...parts, ...partsOf('chat-window')])
    assert.doesNotMatch(await readFile(new URL(file, cdn), 'utf8'), imports)
  for (const each of [script, windowScript]) assert.deepEqual(each.toString().match(imports), ['import('])
})

test('the script for a service worker is one file and a classic one', async () => {
  const worker = await readFile(new URL('chat-session-worker.js', cdn), 'utf8')
  const received: string[] = []
  const scope = createContext({
    clients: {},
    registration: {},
    addEventListener: (type: string) => received.push(type),
  })
  runInContext(worker, scope)
  assert.deepEqual(received, ['message', 'notificationclick', 'push', 'pushsubscriptionchange'])
})

test('the compressed files contain the scripts', async () => {
  for (const file of Object.keys(integrity)) {
    const bytes = await readFile(new URL(file, cdn))
    assert.deepEqual(brotliDecompressSync(await readFile(new URL(`${file}.br`, cdn))), bytes)
  }
})

test('the source map names the modules', async () => {
  const map = JSON.parse(await readFile(new URL('chat-session.js.map', cdn), 'utf8')) as { sources: string[] }
  assert.ok(map.sources.some((source) => source.endsWith('element/chat-session.js')))
})

test('the script has no error sentences', () => {
  const messages = Object.values({ ...errorMessages, ...clientErrorMessages, ...sentences })
  for (const message of messages.filter((each) => typeof each === 'string'))
    assert.ok(!script.includes(message), message)
})

test('an error links to the page of codes if a gateway serves the script, and to nothing otherwise', async () => {
  // As much of a page as the script reads when it is loaded.
  Object.assign(globalThis, {
    HTMLElement: Object,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    customElements: { get: () => true },
    document: Object.assign(new EventTarget(), { querySelector: () => null, querySelectorAll: () => [] }),
  })
  // Node imports nothing by http, so the script is told its address.
  const messageFrom = async (address: string): Promise<string | undefined> => {
    const directory = await mkdtemp(join(tmpdir(), 'script-'))
    try {
      const file = join(directory, 'chat-session.mjs')
      await writeFile(file, script.toString().replace(/import\.meta\.url/g, JSON.stringify(address)))
      const { ChatSession } = (await import(pathToFileURL(file).href)) as typeof Session
      const result = await new ChatSession({ endpoint: '', appId: 'app', guest: true }).start()
      return result.failed ? result.error.message : undefined
    } finally {
      await rm(directory, { recursive: true })
    }
  }
  for (const [address, gateway] of [
    ['https://chat.example.com/v1/chat-session.js', 'https://chat.example.com'],
    ['https://example.com/chat/v1/chat-session-0.1.0.js', 'https://example.com/chat'],
    ['http://localhost:8080/v1/chat-session.js?v=/1#/2', 'http://localhost:8080'],
  ] as const)
    assert.equal(await messageFrom(address), `no-endpoint: ${gateway}/v1/errors#no-endpoint`)
  for (const path of ['/assets/chat-session.js', '/v1/chat-session/app.js', '/app.js?/v1/chat-session.js'])
    assert.equal(await messageFrom(`https://cdn.example.com${path}`), 'no-endpoint')
})

test('npm run size prints the size of each script, minified, gzip and brotli, and of the first one by module', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/build/size.mjs'], {
    cwd: fileURLToPath(root),
  })
  const [heading = '', ...rows] = stdout.trim().split('\n')
  assert.match(heading, /minified +gzip +brotli +limit/)
  const names = (some: string[]): unknown => some.map((row) => row.trim().split(' ')[0]).sort()
  const modules = rows.filter((row) => row.startsWith(' '))
  assert.deepEqual(names(modules), ['@lit/reactive-element', 'element', 'protocol', 'session'])
  const scripts = rows.filter((row) => !modules.includes(row))
  assert.deepEqual(
    names(scripts),
    Object.keys(integrity)
      .map((file) => file.replace(/-\w{8}\.js$/, '.js'))
      .sort(),
  )
  const [, minified = ''] = /(\d+) +\d+ +\d+ +\d+$/.exec(scripts[0] ?? '') ?? []
  assert.equal(Number(minified), script.length)
})
