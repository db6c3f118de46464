// docs/GATEWAY.md has one row for each key of the config, with its default, and the public type has its docstring and the same default.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import * as v from 'valibot'
import { appSchema } from '../../../src/gateway/config/app.js'
import { configSchema } from '../../../src/gateway/config/parse.js'

/** A schema as far as this test looks into it: that of an object has `entries`, an optional one wraps another. */
interface Row extends v.GenericSchema<unknown, unknown> {
  entries?: Record<string, Row>
  wrapped?: Row
  default?: unknown
  getter?: (value: unknown) => Row
}

/** The rows of an object's schema. `hint` chooses between schemas that depend on a value. */
const entriesOf = (row: Row, hint: unknown): Record<string, Row> | undefined => {
  if (row.entries) return row.entries
  if (row.getter) return entriesOf(row.getter(hint), hint)
  return row.wrapped && entriesOf(row.wrapped, hint)
}

const defaultOf = (row: Row): string => {
  if (!v.safeParse(row, undefined).success) return 'required'
  const description = v.getDescription(row)
  if (description !== undefined) return description
  const value = row.default
  return value === undefined ? 'none' : typeof value === 'string' ? value : JSON.stringify(value)
}

/** Each key with its default. An object whose default is `{}` has rows for its keys only. */
const listRows = (row: Row, hint: unknown, prefix: string): [key: string, value: string][] =>
  Object.entries(entriesOf(row, hint) ?? {}).flatMap(([key, field]) => {
    const path = `${prefix}${key}`
    const inner = listRows(field, (hint as Record<string, unknown> | undefined)?.[key], `${path}.`)
    const value = defaultOf(field)
    return inner.length > 0 && value === '{}' ? inner : [[path, value], ...inner]
  })

const app = appSchema({})
const production = new Map(listRows(app, { environment: 'production' }, '….'))
const appRows = listRows(app, { environment: 'test' }, '….').map(([key, value]) => {
  const strict = production.get(key)
  return [key, value === strict ? value : `${value} in test, ${strict} in production`]
})
const configRows = listRows(configSchema({}), undefined, '').filter(([key]) => key !== 'apps')
const engine = entriesOf(configSchema({}), undefined)?.['engine']
// The keys that a redis engine has and an embedded one has not. `tls` is an object here.
const redisRows = engine
  ? listRows(engine, { type: 'redis', tls: {} }, 'engine.').filter(
      ([key]) => !configRows.some(([known]) => known === key),
    )
  : []
const rows = [...configRows, ...redisRows, ...appRows]

const guide = await readFile(new URL('../../../docs/GATEWAY.md', import.meta.url), 'utf8')
const table = /^\| key +\| default .*\n\|[-| ]+\n((?:\|.*\n)+)/m.exec(guide)?.[1] ?? ''
const documented = new Map(
  table.split('\n').flatMap((line) => {
    const [, key, value] = line.split('|').map((cell) => cell.trim().replaceAll('`', ''))
    // A remark in brackets says the same value in other words, so it is left out.
    return key && value ? [[key.replace('apps.ID.', '….'), value.replace(/ \(.*\)$/, '')] as const] : []
  }),
)

test('docs/GATEWAY.md documents every key of the config with its default', () => {
  for (const [key = '', value] of rows) assert.equal(documented.get(key), value, key)
})

test('docs/GATEWAY.md documents no key that the config does not have', () => {
  assert.deepEqual([...documented.keys()].sort(), rows.map(([key]) => key).sort())
})

/** A key of the config's public type: its docstring's sentences, and its `@default`. */
interface TypedKey {
  text: string
  defaultValue: string | undefined
}

/** Returns the keys of src/gateway/config/types.ts by their path, as the rows name them. */
const typedKeys = (): ReadonlyMap<string, TypedKey> => {
  const file = fileURLToPath(new URL('../../../src/gateway/config/types.ts', import.meta.url))
  const program = ts.createProgram([file], { strict: true, noEmit: true, skipLibCheck: true })
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(file) ?? assert.fail()
  const config = source.statements
    .filter(ts.isInterfaceDeclaration)
    .find(({ name }) => name.text === 'GatewayConfig')
  const keys = new Map<string, TypedKey>()
  const walk = (type: ts.Type, prefix: string): void => {
    for (const part of type.isUnion() ? type.types : [type]) {
      // Only the types of this file have keys of the config: members of arrays, texts and functions are left out.
      const isConfig = [part.symbol, part.aliasSymbol].some((symbol) =>
        symbol?.declarations?.some(
          (declaration) =>
            declaration.getSourceFile() === source &&
            (ts.isInterfaceDeclaration(declaration) || ts.isTypeLiteralNode(declaration)),
        ),
      )
      if (!isConfig) continue
      for (const property of part.getProperties()) {
        const path = `${prefix}${property.name}`
        const tag = property.getJsDocTags(checker).find(({ name }) => name === 'default')
        const text = ts.displayPartsToString(property.getDocumentationComment(checker))
        if (text !== '' || tag || !keys.has(path))
          keys.set(path, { text, defaultValue: tag && ts.displayPartsToString(tag.text) })
        if (property.name !== 'apps') walk(checker.getTypeOfSymbol(property), `${path}.`)
        else walk(checker.getTypeOfSymbol(property).getStringIndexType() ?? assert.fail(), '….')
      }
    }
  }
  walk(checker.getTypeAtLocation(config ?? assert.fail()), '')
  return keys
}

/** A default as both places write it: numbers without separators, texts without quotes, and no remark in brackets or after a comma. */
const plain = (value: string): string =>
  value
    .replaceAll(/(?<=\d)[_,](?=\d)/g, '')
    .replaceAll(/['`]/g, '')
    .replace(/ \(.*\)$/, '')

/** Whether a row names a default. Without one, the docstring says in words what happens if the key is left out. */
const hasDefault = (value: string): boolean => !/^(none|required)\b/.test(value)

const keys = typedKeys()
for (const [key = '', value = ''] of rows)
  test(`the public type of ${key} has a docstring with the default of its row`, () => {
    const { text, defaultValue } = keys.get(key) ?? assert.fail('the public type has no such key')
    assert.notEqual(text, '')
    assert.equal(defaultValue && plain(defaultValue), hasDefault(value) ? plain(value) : undefined)
  })

test('the public type has no key that the config does not take', () => {
  const rowsAndParents = new Set(rows.flatMap(([key = '']) => [key, key.replace(/\.[^.]+$/, '')]))
  for (const key of keys.keys())
    assert.ok(rowsAndParents.has(key) || key === 'apps' || /\.(env|file)$/.test(key), key)
})
