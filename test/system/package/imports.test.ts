import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { promisify } from 'node:util'
import { namesOf, packageJson } from './manifest.js'

const root = new URL('../../../', import.meta.url)

/** The file of each entry, by the name in an import. Entries with types only are left out. */
const files = Object.fromEntries(
  Object.entries(packageJson.exports).flatMap(([path, target]) =>
    typeof target === 'object' && target['default']
      ? [[path.replace(/^\./, 'chat-session'), new URL(target['default'], root)]]
      : [],
  ),
)
const entries = Object.keys(files)

const run = async (program: string, ...args: string[]): Promise<string> => {
  const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' }
  const { stdout } = await promisify(execFile)(program, args, { cwd: root, env, timeout: 300_000 })
  return stdout
}

/** Other packages use these globals to detect a browser. */
const browserGlobals = ['window', 'document', 'HTMLElement', 'navigator']

/** Returns a program that imports `names` and prints their exports and the globals that they added. */
const programOf = (...names: string[]): string => `
  const globals = () => ${JSON.stringify(browserGlobals)}.filter((name) => name in globalThis)
  for (const name of ${JSON.stringify(names)}) {
    const before = globals()
    const exported = Object.keys(await import(name))
    const added = globals().filter((key) => !before.includes(key))
    console.log(JSON.stringify({ name, exported, added }))
  }`

interface Imported {
  name: string
  exported: string[]
  /** The browser globals that the import added. */
  added: string[]
}
const read = (output: string): Imported[] =>
  output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Imported)

const importIn = async (entry: string, ...flags: string[]): Promise<Imported> => {
  const [imported] = read(
    await run(process.execPath, ...flags, '--input-type=module', '--eval', programOf(entry)),
  )
  assert.ok(imported)
  return imported
}

test('the documentation names every entry', async () => {
  const names = (await readdir(new URL('docs/', root))).filter((name) => name.endsWith('.md'))
  const texts = ['README.md', ...names.map((name) => `docs/${name}`)].map((path) =>
    readFile(new URL(path, root), 'utf8'),
  )
  const text = (await Promise.all(texts)).join('\n')
  for (const path of Object.keys(packageJson.exports).filter((key) => !/\*|\.json$/.test(key)))
    assert.ok(new RegExp(`\\bchat-session${path.slice(1)}\\b`).test(text), path)
})

for (const entry of entries)
  for (const flags of [[], ['--conditions=browser']])
    test(`${['node', ...flags].join(' ')} imports ${entry}, which adds no browser globals`, async () => {
      assert.deepEqual((await importIn(entry, ...flags)).added, [])
    })

test('the element is not registered on a server, where Lit adds its own registry', async () => {
  const program = `await import('chat-session/define'); console.log(typeof customElements, customElements.get('chat-session'))`
  assert.equal(
    (await run(process.execPath, '--input-type=module', '--eval', program)).trim(),
    'object undefined',
  )
})

/** Returns every file that an import of `file` loads, and the packages that each imports. */
const reach = async (file: URL, seen = new Map<string, string[]>()): Promise<Map<string, string[]>> => {
  if (seen.has(file.href)) return seen
  const source = (await readFile(file, 'utf8')).replaceAll(/\/\*.*?\*\//gs, '')
  const specifiers = [
    ...source.matchAll(/(?:^|[;\s])(?:import|export)\s*(?:[^'"();]*?from\s*)?['"]([^'"]+)['"]/g),
  ]
    .map(([, specifier]) => specifier ?? '')
    .filter(Boolean)
  seen.set(
    file.href,
    specifiers.filter((specifier) => !specifier.startsWith('.')),
  )
  for (const specifier of specifiers)
    if (specifier.startsWith('.')) await reach(new URL(specifier, file), seen)
  return seen
}

const packagesOf = async (entry: string): Promise<string[]> => {
  const file = files[entry]
  assert.ok(file, entry)
  return [...new Set([...(await reach(file)).values()].flat())].sort()
}

/** The entries that import no module of Node, so that they run without Node. */
const anywhere: string[] = []
for (const entry of entries)
  if (!(await packagesOf(entry)).some((name) => name.startsWith('node:'))) anywhere.push(entry)

test('entries without Node’s modules can be imported without Node’s globals, and add no browser globals', async () => {
  assert.ok(anywhere.length >= 4, String(anywhere))
  const noNode = `for (const name of ['process', 'Buffer', 'global', 'setImmediate', 'clearImmediate', 'navigator']) delete globalThis[name]`
  const program = `${noNode}${programOf(...anywhere)}`
  const output = await run(process.execPath, '--input-type=module', '--eval', program)
  assert.deepEqual(
    read(output).map(({ name, added }) => [name, ...added]),
    anywhere.map((name) => [name]),
  )
})

const binary = (name: string): string => fileURLToPath(new URL(`node_modules/.bin/${name}`, root))

const runtimes: Record<string, string[]> = {
  Deno: [binary('deno'), 'eval', '--no-remote', '--no-lock', '--cached-only', '--node-modules-dir=manual'],
  Bun: [binary('bun'), '--no-install', '--eval'],
}

for (const [name, [program = '', ...args]] of Object.entries(runtimes))
  test(`${name} imports every entry`, async () => {
    const imported = read(await run(program, ...args, programOf(...entries)))
    assert.deepEqual(namesOf(imported), [...entries].sort())
  })

test('the entry chat-session imports no package and no module of Node', async () => {
  assert.deepEqual(await packagesOf('chat-session'), [])
})

test('the element imports only ReactiveElement', async () => {
  assert.deepEqual(await packagesOf('chat-session/define'), ['@lit/reactive-element'])
})

/** Returns whether the evaluation of a module does more than to define its own names. */
const hasEffects = async (file: URL): Promise<boolean> => {
  const source = ts.createSourceFile(file.href, await readFile(file, 'utf8'), ts.ScriptTarget.ES2022)
  return source.statements.some(
    (statement) =>
      ts.isIfStatement(statement) ||
      (ts.isExpressionStatement(statement) && ts.isCallExpression(statement.expression)),
  )
}

// A bundler such as webpack leaves out a module that is not in the list and whose own names nobody uses. Without `lit/base.js`, which passes
// on a class of lit, there was no stand-in for HTMLElement in bundles for servers.
test('`sideEffects` of package.json names each module of the browser’s entries whose evaluation has an effect', async () => {
  const found = new Set<string>()
  for (const entry of ['chat-session', 'chat-session/define', 'chat-session/unread', 'chat-session/worker'])
    for (const href of (await reach(files[entry] ?? assert.fail(entry))).keys())
      if (await hasEffects(new URL(href))) found.add(href.replace(root.href, './'))
  assert.ok(found.has('./dist/element/define.js'))
  assert.deepEqual(
    [...found].filter((path) => !packageJson.sideEffects.includes(path)),
    [],
  )
})

test('the entry for service workers is one file', async () => {
  const file = files['chat-session/worker']
  assert.ok(file)
  assert.deepEqual([...(await reach(file)).values()], [[]])
})

test('the entry of tokens imports only jose', async () => {
  assert.deepEqual(await packagesOf('chat-session/tokens'), ['jose'])
})

test('an import of the element without a registry of custom elements registers nothing', async () => {
  const { exported } = await importIn('chat-session/define', '--conditions=browser')
  assert.ok(exported.includes('ChatSessionElement'))
})
