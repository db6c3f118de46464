import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = new URL('../../../', import.meta.url)
const folder = new URL('src/tokens/', root)

const examples = readdirSync(folder).flatMap((file) =>
  [...readFileSync(new URL(file, folder), 'utf8').matchAll(/ \* ```js\n(.*?) \* ```/gs)].map(
    ([, block = '']) => [file, block.replaceAll(/^ \* ?/gm, '')] as const,
  ),
)

for (const [file, code] of examples)
  test(`the example in ${file} runs as it stands, and prints what it says`, () => {
    const promised = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, output]) => output)
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', code],
      // Here the package finds itself by its name, as it will be found where it is installed.
      { cwd: fileURLToPath(root), encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
    )
    assert.equal(status, 0, `${stderr}\n(The examples run what is built: has 'npm run build' been run?)`)
    assert.deepEqual(stdout.trim().split('\n'), promised)
  })

test('every public function has an example', () => {
  const made = readFileSync(new URL('index.ts', folder), 'utf8').match(
    /\b(?:create|verify)[A-Z]\w+|\bTokenError\b/g,
  )
  const shown = examples.map(([, code]) => code).join()
  assert(made && made.length > 6)
  for (const name of made) assert(shown.includes(name), name)
})
