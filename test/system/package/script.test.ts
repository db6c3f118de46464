import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { createContext, runInContext } from 'node:vm'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { clientErrorMessages, errorMessages } from '../../../src/protocol/index.js'
import type * as Session from '../../../src/session/index.js'

const root = new URL('../../../', import.meta.url)
const cdn = new URL('dist/cdn/', root)
const script = await readFile(new URL('chat-session.js', cdn))

test('the integrity hash is that of the script', async () => {
  const hashes = JSON.parse(await readFile(new URL('integrity.json', cdn), 'utf8')) as Record<string, string>
  const hash = createHash('sha384').update(script).digest('base64')
  assert.equal(hashes['chat-session.js'], `sha384-${hash}`)
})

test('the README’s tag names this version and has the hash of the built script', async () => {
  const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { version: string }
  const readme = await readFile(new URL('README.md', root), 'utf8')
  const [, address, hash] = /\/v1\/(chat-session-\S+)"\s+integrity="([^"]*)"/.exec(readme) ?? []
  assert.equal(address, `chat-session-${version}.js`)
  const built = `sha384-${createHash('sha384').update(script).digest('base64')}`
  assert.equal(hash, built, 'The script changed: `npm run integrity` writes its hash into the README.')
})

test('the script is one file: it imports nothing', () => {
  assert.doesNotMatch(script.toString(), /\bimport\s*[({'"]|\bfrom\s*['"]/)
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
  assert.deepEqual(received, ['message', 'notificationclick'])
})

test('the compressed files contain the script', async () => {
  assert.deepEqual(brotliDecompressSync(await readFile(new URL('chat-session.js.br', cdn))), script)
  assert.deepEqual(gunzipSync(await readFile(new URL('chat-session.js.gz', cdn))), script)
})

test('the source map names the files of src/', async () => {
  const map = JSON.parse(await readFile(new URL('chat-session.js.map', cdn), 'utf8')) as { sources: string[] }
  assert.ok(map.sources.some((source) => source.endsWith('element/chat-session.js')))
  assert.match(script.toString(), /\/\/# sourceMappingURL=chat-session\.js\.map\s*$/)
})

test('the script has no error sentences', () => {
  for (const message of Object.values({ ...errorMessages, ...clientErrorMessages }))
    assert.ok(!script.includes(message), message)
})

test('an error links to the page of codes if a gateway serves the script, and to nothing otherwise', async () => {
  // As much of a page as the script reads when it is loaded.
  Object.assign(globalThis, {
    HTMLElement: Object,
    customElements: { get: () => true },
    document: Object.assign(new EventTarget(), { querySelector: () => null, querySelectorAll: () => [] }),
  })
  const messageFrom = async (folder: string): Promise<string | undefined> => {
    const directory = await mkdtemp(join(tmpdir(), 'script-'))
    try {
      const file = join(directory, folder, 'chat-session.js')
      await cp(fileURLToPath(new URL('chat-session.js', cdn)), file)
      const { ChatSession } = (await import(pathToFileURL(file).href)) as typeof Session
      const result = await new ChatSession({ endpoint: '', appId: 'app', guest: true }).start()
      return result.failed ? result.error.message.replace(pathToFileURL(directory).href, '') : undefined
    } finally {
      await rm(directory, { recursive: true })
    }
  }
  assert.equal(await messageFrom('v1'), 'no-endpoint: /v1/errors#no-endpoint')
  assert.equal(await messageFrom('assets'), 'no-endpoint')
})

test('npm run size prints the size of the script, minified, gzip and brotli, by room', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/build/size.mjs'], {
    cwd: fileURLToPath(root),
  })
  const [heading = '', total = '', ...modules] = stdout.trim().split('\n')
  assert.match(heading, /minified +gzip +brotli/)
  const [, minified = ''] = /(\d+) +\d+ +\d+$/.exec(total) ?? []
  assert.equal(Number(minified), script.length)
  assert.deepEqual(modules.map((row) => row.trim().split(' ')[0]).sort(), [
    '@lit/reactive-element',
    'element',
    'protocol',
    'session',
  ])
})
