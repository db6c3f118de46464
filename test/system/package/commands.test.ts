import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { testFiles } from '../../../scripts/test-files.mjs'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const read = (name: string): string => readFileSync(join(root, name), 'utf8')
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

/** Returns the programs that a script of package.json runs, those of the scripts that it calls included. */
const programsOf = (name: string): string[] =>
  (scripts[name] ?? assert.fail(`package.json has no script ${name}.`)).split(' && ').flatMap((program) => {
    const called = /^npm run (?:-s )?(\S+)$/.exec(program)?.[1]
    return called === undefined ? [program] : programsOf(called)
  })

/** The test files of web-test-runner.config.mjs. The file itself would unpack a browser when it is imported. */
const pageTests = [
  ...read('web-test-runner.config.mjs').matchAll(/'(test\/\w+)\/\*\*\/\*(\.browser\.ts)'/g),
].flatMap(([, folder = '', ending = '']) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`),
)

/**
 * Returns the test files that a program runs on Node or in Chromium. Programs that run them once more, on Bun, on Valkey or in other
 * browsers, begin with a variable or have another name.
 */
const filesOf = (program: string): string[] => {
  if (program === 'wtr') return pageTests
  const [, names] = /^node scripts\/test\.mjs (.*)$/.exec(program) ?? []
  return names === undefined ? [] : testFiles(names.split(' ').filter((word) => word.startsWith('test/')))
}

/** The commands of package.json with tests that a script of CI runs. */
const commandsIn = (script: string): string[] => [
  ...(script.includes(' readme test\n') ? ['test'] : []),
  ...[...script.matchAll(/ npm run (test:\S+)$/gm)].map(([, name = '']) => name),
]
const often = commandsIn(read('.ci/run'))
const nightly = commandsIn(read('.ci/nightly'))

test('one command of .ci/nightly runs each test file', () => {
  const commandsOf = new Map<string, string[]>()
  for (const command of nightly)
    for (const file of programsOf(command).flatMap(filesOf))
      commandsOf.set(file, [...(commandsOf.get(file) ?? []), command])
  const all = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((name) => join('test', name))
    .filter((name) => /\.(test|browser)\.ts$/.test(name))
  const wrong = all
    .filter((file) => commandsOf.get(file)?.length !== 1)
    .map((file) => `${file}: ${commandsOf.get(file)?.join(', ') ?? 'no command'}`)
  assert.deepEqual(wrong, [])
})

test('CI runs every command of package.json that has tests', () => {
  const called = new Set(
    [...often, ...nightly].flatMap((name) => [name, ...(scripts[name]?.match(/test:[\w-]+/g) ?? [])]),
  )
  const tests = Object.keys(scripts).filter((name) => name.startsWith('test'))
  assert.deepEqual(
    tests.filter((name) => !called.has(name)),
    [],
  )
})

test('each command that reads dist/ builds it first, so that none says what an earlier source was like', () => {
  const readsSourcesOnly = ['lint', 'types', 'format', 'figures', 'test:simulation', 'simulate']
  const others = Object.keys(scripts).filter((name) => !readsSourcesOnly.includes(name))
  assert.deepEqual(
    others.filter((name) => programsOf(name)[0] !== scripts['build']),
    [],
  )
})

test('no path, and a path without tests, are errors', () => {
  assert.throws(() => testFiles([]), /Name the test files/)
  assert.throws(() => testFiles(['test/support']), /There are no tests at test\/support/)
  assert.throws(() => testFiles(['test/no-such-folder']), /ENOENT/)
})
