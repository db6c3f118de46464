import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'

interface Manifest {
  exports: Record<string, { default: string } | string>
}

const root = new URL('../../', import.meta.url)
const manifest = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as Manifest

/** The entries by the names that somebody imports them by. */
const entries = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([path]) => path.replace(/^\./, 'chat-session'))

/** Imports `entry` in a Node of its own and answers what came of it. */
const importIn = async (
  entry: string,
  ...flags: string[]
): Promise<{ names: string[]; browser: string[] }> => {
  const script = `
    const module = await import(${JSON.stringify(entry)})
    const browser = ['window', 'document', 'HTMLElement', 'navigator'].filter((name) => name in globalThis)
    console.log(JSON.stringify({ names: Object.keys(module), browser }))`
  const args = [...flags, '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 20_000 })
  return JSON.parse(stdout) as { names: string[]; browser: string[] }
}

test('there are the six entries that the documentation names', () => {
  assert.deepEqual(entries, [
    'chat-session',
    'chat-session/element',
    'chat-session/define',
    'chat-session/tokens',
    'chat-session/gateway',
    'chat-session/engine',
  ])
})

for (const entry of entries)
  for (const flags of [[], ['--conditions=browser']])
    test(`${['node', ...flags].join(' ')} imports ${entry}, and is no browser after it`, async () => {
      const { names, browser } = await importIn(entry, ...flags)
      assert.notDeepEqual(names, [])
      assert.deepEqual(browser, [])
    })

/** Every file that importing `file` loads, and what it imports from packages. */
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
  const target = manifest.exports[entry] as { default: string }
  const reached = await reach(new URL(target.default, root))
  return [...new Set([...reached.values()].flat())].sort()
}

test('the headless entry reaches no package and nothing of Node', async () => {
  assert.deepEqual(await packagesOf('.'), [])
})

test('the element reaches ReactiveElement and nothing else', async () => {
  assert.deepEqual(await packagesOf('./define'), ['@lit/reactive-element'])
})

test('the token helpers reach jose and nothing of Node', async () => {
  assert.deepEqual(await packagesOf('./tokens'), ['jose'])
})

test('an import of the element registers nothing where there is no registry to ask for', async () => {
  const { names } = await importIn('chat-session/define', '--conditions=browser')
  assert.ok(names.includes('ChatSessionElement'))
})
