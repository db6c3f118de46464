import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createContext, runInContext } from 'node:vm'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { shortened } from '../../scripts/build/shortened.mjs'

const root = new URL('../../', import.meta.url)
const cdn = new URL('dist/cdn/', root)
const script = await readFile(new URL('chat-session.js', cdn))

/** Bytes of brotli that the script may have. Lower it when it gets smaller; think twice before it is raised. */
const BUDGET = 12_850

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
  const heard: string[] = []
  const scope = createContext({
    clients: {},
    registration: {},
    addEventListener: (type: string) => heard.push(type),
  })
  runInContext(worker, scope)
  assert.deepEqual(heard, ['message', 'notificationclick'])
})

test('what is compressed is the script', async () => {
  assert.deepEqual(brotliDecompressSync(await readFile(new URL('chat-session.js.br', cdn))), script)
  assert.deepEqual(gunzipSync(await readFile(new URL('chat-session.js.gz', cdn))), script)
})

test('the source map leads back to our files', async () => {
  const map = JSON.parse(await readFile(new URL('chat-session.js.map', cdn), 'utf8')) as { sources: string[] }
  assert.ok(map.sources.some((source) => source.endsWith('element/chat-session.js')))
  assert.match(script.toString(), /\/\/# sourceMappingURL=chat-session\.js\.map\s*$/)
})

test('the script has no sentences for developers in it: its errors link to them', () => {
  assert.doesNotMatch(script.toString(), /The user's sessions were revoked/)
})

test('a name that the script shortens is none that a page, the wire or the browser knows', async () => {
  const dist = new URL('dist/', root)
  const typescript = new URL('node_modules/typescript/lib/', root)
  const libraries = (await readdir(typescript)).filter((name) => /^lib\.(dom|es|decorators)/.test(name))
  const known = [
    ...['session', 'events', 'errors', 'options'].map((name) => new URL(`session/${name}.d.ts`, dist)),
    ...['chat-session', 'events', 'notifications/content'].map(
      (name) => new URL(`element/${name}.d.ts`, dist),
    ),
    new URL('protocol/frames.js', dist),
    ...libraries.map((name) => new URL(name, typescript)),
  ]
  const sources = await Promise.all(known.map((file) => readFile(file, 'utf8')))
  const code = sources.join('\n').replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, '')
  const names = new Set(code.match(/[\w$]+/g))
  assert.ok(names.has('tokenFetcher') && names.has('resumeKey') && names.has('visibilityState'))
  assert.deepEqual(
    shortened.filter((name) => names.has(name)),
    [],
  )
})

test('npm run size says what the script weighs, minified, gzip and brotli, by room, and it is within its budget', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/build/size.mjs'], {
    cwd: fileURLToPath(root),
  })
  const [heading = '', total = '', ...rooms] = stdout.trim().split('\n')
  assert.match(heading, /minified +gzip +brotli/)
  const [, minified = '', , brotli = ''] = /(\d+) +(\d+) +(\d+)$/.exec(total) ?? []
  assert.equal(Number(minified), script.length)
  assert.ok(Number(brotli) <= BUDGET, total)
  assert.deepEqual(rooms.map((row) => row.trim().split(' ')[0]).sort(), [
    '@lit/reactive-element',
    'element',
    'protocol',
    'session',
  ])
})
