// Each script stands beside its caller, and its comment names the keys with which it is called.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { withValues } from '../../../../src/engine/redis/lua/prelude.js'
import { keyGroups, loadSteps } from '../../../../src/engine/redis/steps.js'
import { loadTransferSteps } from '../../../../src/engine/redis/transfer/rows.js'
import { engineRules } from '../../../../src/engine/rules.js'

const folder = fileURLToPath(new URL('../../../../src/engine/redis', import.meta.url))
const entries = [...Object.entries(loadSteps()), ...Object.entries(loadTransferSteps())]
const steps = entries.map(([, step]) => step)
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
const scripts = files.filter((path) => path.endsWith('.lua') && !path.startsWith('lua'))

/** The comment at the start of each script, by the script's name. */
const comments = new Map(
  scripts.map((path) => {
    const lines = readFileSync(join(folder, path), 'utf8').split('\n')
    const end = lines.findIndex((line) => !line.startsWith('--'))
    const text = lines.slice(0, end).map((line) => line.replace(/^-- +/, ''))
    return [basename(path, '.lua'), text.join(' ')]
  }),
)

it('every script has a step', () => {
  const names = new Set(steps.map(({ name }) => name))
  assert.deepEqual(
    [...comments.keys()].filter((name) => !names.has(name)),
    [],
  )
})

it('every script stands beside a file that names its step', () => {
  const far = scripts.filter((path) => {
    const beside = files.filter(
      (file) => dirname(file) === dirname(path) && file.endsWith('.ts') && basename(file) !== 'steps.ts',
    )
    const text = beside.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n')
    return !entries.some(
      ([name, step]) => step.name === basename(path, '.lua') && new RegExp(`\\b${name}\\b`).test(text),
    )
  })
  assert.deepEqual(far, [])
})

for (const name of comments.keys())
  it(`${name} says what it does, its keys, its arguments and what it returns`, () => {
    const comment = comments.get(name) ?? ''
    const [, named = ''] = /^[A-Z].*?\. KEYS: (.*?)\. ARGV: .*\. Returns .*\.$/.exec(comment) ?? []
    const keys = named.replaceAll(/…(\w+)/g, (_, group: keyof typeof keyGroups) =>
      keyGroups[group].join(', '),
    )
    const of = steps.filter((step) => step.name === name).map((step) => step.keys.join(', '))
    assert.equal(keys, of.map((text) => text || 'only those that the caller passes').join('; or '), comment)
  })

it('a script has the values of the rules and fields that it names, and a table only if it uses the table as a whole', () => {
  assert.equal(withValues('return RULES.offlineAfter'), `return ${engineRules.offlineAfter}`)
  assert.equal(withValues('-- All of UNREAD.\nreturn row[ENTRY.about]'), '-- All of UNREAD.\nreturn row["w"]')
  assert.equal(
    withValues('return UNREAD[name]'),
    'local UNREAD={messages="n",bytes="b",mark="m"}\nreturn UNREAD[name]',
  )
  assert.throws(() => withValues('return RULES.offlineBefore'), /RULES\.offlineBefore/)
})
