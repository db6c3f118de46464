import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createContext, runInContext } from 'node:vm'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import ts from 'typescript'

const root = new URL('../../', import.meta.url)
const cdn = new URL('dist/cdn/', root)
const script = await readFile(new URL('chat-session.js', cdn))

/** The largest size of the script in bytes of brotli. Lower it when the script gets smaller, and avoid raising it. */
const BUDGET = 12_835

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

test('the script has no error sentences: its errors link to the page of codes', () => {
  assert.doesNotMatch(script.toString(), /The user's sessions were revoked/)
})

/** The sources of the script. */
const sources = async (): Promise<[name: string, text: string][]> => {
  const src = new URL('src/', root)
  const names = (
    await Promise.all(
      ['protocol', 'session', 'element'].map(async (room) =>
        (await readdir(new URL(room, src), { recursive: true })).map((name) => `${room}/${name}`),
      ),
    )
  ).flat()
  const files = names.filter((name) => name.endsWith('.ts'))
  return Promise.all(files.map(async (name) => [name, await readFile(new URL(name, src), 'utf8')]))
}

/** Returns the strings of a source that begin with `_`. Terser shortens the left side of `in` like a name. */
const underscoredStrings = (text: string): string[] => {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    const isOfIn =
      ts.isBinaryExpression(node.parent) &&
      node.parent.operatorToken.kind === ts.SyntaxKind.InKeyword &&
      node.parent.left === node
    if (
      ts.isStringLiteralLike(node) &&
      /^_\w/.test(node.text) &&
      !isOfIn &&
      !ts.isLiteralTypeNode(node.parent)
    )
      found.push(node.text)
    ts.forEachChild(node, visit)
  }
  ts.forEachChild(ts.createSourceFile('', text, ts.ScriptTarget.Latest, true), visit)
  return found
}

test('no page and no frame uses a name that begins with an underscore, since those are shortened', async () => {
  const dist = new URL('dist/', root)
  const known = [
    ...['session', 'events', 'errors', 'options', 'messages'].map((name) => `session/${name}.d.ts`),
    ...['chat-session', 'events', 'notifications/content'].map((name) => `element/${name}.d.ts`),
    ...['frames.js', 'profile.js'].map((name) => `protocol/${name}`),
  ]
  for (const name of known) {
    const code = (await readFile(new URL(name, dist), 'utf8')).replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, '')
    assert.deepEqual(code.match(/(?<![\w$#])_\w+/g) ?? [], [], name)
  }
})

test('no string contains a shortened name, which would no longer match', async () => {
  assert.deepEqual(underscoredStrings("state['_socket']; '_socket' in state"), ['_socket'])
  const files = await sources()
  assert.ok(files.some(([, text]) => /\._\w/.test(text)))
  for (const [name, text] of files) assert.deepEqual(underscoredStrings(text), [], name)
})

test('npm run size prints the size of the script, minified, gzip and brotli, by room, and it is within its budget', async () => {
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
