import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = new URL('../../../', import.meta.url)
const entry = new URL('dist/tokens/index.js', root)
const script = fileURLToPath(new URL('conformance.mjs', import.meta.url))

const built = () => {
  assert(existsSync(entry), "dist/tokens/index.js is missing: run 'npm run build' first.")
}

const runtimes: Record<string, string[]> = {
  Node: [process.execPath, script],
  'Node without its own globals': [
    process.execPath,
    '--input-type=module',
    '--eval',
    `for (const name of ['process', 'Buffer', 'global', 'setImmediate', 'clearImmediate']) delete globalThis[name]
    await import(${JSON.stringify(pathToFileURL(script).href)})`,
  ],
  Deno: [
    fileURLToPath(new URL('node_modules/.bin/deno', root)),
    'run',
    '--no-remote',
    '--no-prompt',
    '--no-lock',
    '--cached-only',
    '--node-modules-dir=manual',
    script,
  ],
  Bun: [fileURLToPath(new URL('node_modules/.bin/bun', root)), 'run', '--no-install', script],
}

for (const [name, [program = '', ...parameters]] of Object.entries(runtimes))
  test(`tokens are made and verified under ${name}`, { timeout: 600_000 }, () => {
    built()
    const { error, status, stdout, stderr } = spawnSync(program, parameters, {
      cwd: fileURLToPath(root),
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' },
    })
    if (error) assert.fail(`This test needs ${name} at ${program}, which could not be run: ${error.message}`)
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^[1-9]\d checks passed$/m)
  })

test('nothing that the tokens import is of Node', () => {
  built()
  const seen = new Set<string>()
  const visit = (file: string) => {
    if (seen.has(file)) return
    seen.add(file)
    const source = readFileSync(new URL(file), 'utf8')
    for (const [, specifier = ''] of source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\n]+)["']/g)) {
      // An example in a comment imports the package itself.
      if (specifier === 'chat-session/tokens') continue
      assert.match(specifier, /^\.{1,2}\/|^jose$/, `${file} imports ${specifier}`)
      visit(specifier === 'jose' ? import.meta.resolve(specifier) : new URL(specifier, file).href)
    }
    assert.doesNotMatch(source, /["']node:|\brequire\(/, file)
  }
  visit(entry.href)
  assert([...seen].some((file) => file.includes('/jose/')) && seen.size > 20)
})
