import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const cwd = fileURLToPath(new URL('../../../demo/frameworks/', import.meta.url))

/** Resolves with the checker's output; empty if the right code passes and the lines marked as wrong fail. */
const complaintsOf = (checker: string, ...args: string[]): Promise<string> =>
  new Promise((resolve) => {
    execFile(process.execPath, [`node_modules/${checker}`, ...args], { cwd }, (error, stdout, stderr) =>
      resolve(error ? `${error.message}\n${stdout}${stderr}` : ''),
    )
  })

/** How TypeScript finds a package's types: as Node does, or as bundlers do. */
const resolutions = [
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
] as const

const compiled = [
  ['dom', 'typescript/bin/tsc', 'the page’s own DOM'],
  ['react', 'typescript/bin/tsc', 'React'],
  ['preact', 'typescript/bin/tsc', 'Preact'],
  ['solid', 'typescript/bin/tsc', 'Solid'],
  ['vue', 'vue-tsc/bin/vue-tsc.js', 'Vue templates'],
] as const

for (const [folder, checker, name] of compiled)
  for (const [module, moduleResolution] of resolutions)
    test(`${name} checks the tag’s attributes, properties and events (${moduleResolution})`, async () => {
      const flags = ['--module', module, '--moduleResolution', moduleResolution]
      assert.equal(await complaintsOf(checker, '--project', `types/${folder}`, ...flags), '')
    })

test('Svelte checks the tag’s attributes, properties and events', async () => {
  const flags = ['--workspace', 'types/svelte', '--tsconfig', './tsconfig.json', '--fail-on-warnings']
  assert.equal(await complaintsOf('svelte-check/bin/svelte-check', ...flags), '')
})
