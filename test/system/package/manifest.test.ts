import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { ReactiveElement } from '../../../src/element/lit/base.js'
import { ChatSessionElement } from '../../../src/element/chat-session.js'
import * as eventClasses from '../../../src/element/events/events.js'
import { element, manifest, namesOf, unreadElement } from './manifest.js'

const root = new URL('../../../', import.meta.url)

const sortedSet = (names: Iterable<string>): string[] => [...new Set(names)].sort()

// This is read first: `observedAttributes` makes the class collect its properties.
const attributes = [...ChatSessionElement.observedAttributes].sort()
const properties = [...ChatSessionElement.elementProperties.keys()].map(String).sort()

/** The members that the class adds to Lit's, without the browser's callbacks. */
const ofClass = sortedSet([...properties, ...Object.getOwnPropertyNames(ChatSessionElement.prototype)])
  .filter((name) => name !== 'constructor' && !(name in ReactiveElement.prototype))
  .filter((name) => !name.endsWith('Callback'))

const reference = await readFile(new URL('docs/ELEMENT.md', root), 'utf8')

/** The rows of the table in docs/ELEMENT.md whose first column has this heading, as the texts of their cells. */
const rowsOf = (heading: string): string[][] =>
  (new RegExp(`^\\| ${heading} .*\\n\\|[- |]+\\n((?:\\|.*\\n)+)`, 'm').exec(reference)?.[1] ?? '')
    .trim()
    .split('\n')
    .map((row) => row.split(/(?<!\\)\|/).slice(1, -1))

/** Returns the code spans in a column of these rows. */
const codesIn = (rows: string[][], column: number): string[] =>
  sortedSet(
    rows.flatMap((row) => [...(row[column] ?? '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)),
  )

test('the manifest names the tag’s class, and where both are published', async () => {
  const definition = manifest.modules
    .flatMap(({ path, exports }) => exports.map((entry) => ({ path, ...entry })))
    .find(({ kind }) => kind === 'custom-element-definition')
  assert.deepEqual(definition, {
    path: 'dist/element/define.js',
    kind: 'custom-element-definition',
    name: 'chat-session',
    declaration: { name: 'ChatSessionElement', module: 'dist/element/chat-session.js' },
  })
  for (const { path } of manifest.modules) assert.ok(await readFile(new URL(path, root)), path)
})

test('the manifest has <chat-unread> with its attributes, which docs/ELEMENT.md lists', () => {
  const definitions = manifest.modules.flatMap(({ path, exports }) =>
    exports.filter(({ name }) => name === 'chat-unread').map(({ declaration }) => [path, declaration.module]),
  )
  assert.deepEqual(definitions, [['dist/element/define-unread.js', 'dist/element/chat-unread.js']])
  assert.deepEqual(codesIn(rowsOf('on the tag'), 0), namesOf(unreadElement.attributes))
})

test('the manifest has the attributes that the class observes, and docs/ELEMENT.md lists them', () => {
  assert.deepEqual(namesOf(element.attributes), attributes)
  assert.deepEqual(codesIn(rowsOf('attribute'), 0), namesOf(element.attributes))
})

test('each attribute has a property that can be set, and docs/ELEMENT.md lists it', () => {
  for (const { name, fieldName } of element.attributes) assert.ok(properties.includes(fieldName), name)
  assert.deepEqual(codesIn(rowsOf('attribute'), 1), properties)
})

test('the manifest has every member of the class, and docs/ELEMENT.md names each', () => {
  assert.deepEqual(namesOf(element.members), ofClass)
  for (const { kind, name } of element.members) {
    const written = kind === 'method' ? `\`${name}(` : `\`${name}\``
    assert.ok(reference.includes(written), `${written} is not in docs/ELEMENT.md`)
  }
})

test('the manifest has no private member and none of Lit’s', () => {
  for (const { name, privacy = 'public' } of element.members) {
    assert.equal(privacy, 'public', name)
    assert.doesNotMatch(name, /^[#_]/)
    assert.ok(!(name in ReactiveElement.prototype), name)
  }
})

test('the manifest has the events that the element fires, and docs/ELEMENT.md lists them', async () => {
  const folder = new URL('src/element/', root)
  // A form fires events of its own.
  const files = (await readdir(folder, { recursive: true })).filter(
    (file) => file.endsWith('.ts') && !file.startsWith('forms'),
  )
  const sources = files.map((file) => readFile(new URL(file, folder), 'utf8'))
  const fired = (await Promise.all(sources)).flatMap((source) =>
    [...source.matchAll(/['"`](session-[a-z-]+)['"`]/g)].map(([, name = '']) => name),
  )
  assert.deepEqual(namesOf(element.events), sortedSet(fired))
  assert.deepEqual(codesIn(rowsOf('event'), 0), namesOf(element.events))
})

test('each event names its class and the fields of its detail, as docs/ELEMENT.md does', () => {
  const classes = sortedSet(element.events.map(({ type }) => type?.text ?? ''))
  assert.deepEqual(classes, sortedSet([...Object.keys(eventClasses), 'TokenNeededEvent']))
  const rows = rowsOf('event')
  for (const { name, description = '' } of element.events) {
    const [, fields] = /`detail`: `\{ (.*) \}`/.exec(description) ?? []
    const described = fields?.split('; ').map((field) => /^\w+/.exec(field)?.[0])
    const row = rows.find(([first = '']) => first.includes(`\`${name}\``))
    assert.deepEqual(described, /\{ (.*) \}/.exec(row?.[1] ?? '')?.[1]?.split(', '), name)
  }
})

test('the manifest has the custom states that CSS can ask for, and docs/ELEMENT.md names them', () => {
  assert.deepEqual(namesOf(element.cssStates), [
    'active',
    'ended',
    'failed',
    'idle',
    'reconnecting',
    'starting',
    'unread',
  ])
  for (const { name } of element.cssStates)
    assert.ok(reference.includes(`\`${name}\``) || reference.includes(`:state(${name})`), name)
})

test('everything in the manifest is described, and typed by names that a reader can look up', () => {
  const { members, events, cssStates } = element
  for (const { name, description = '' } of [
    element,
    ...members,
    ...element.attributes,
    ...events,
    ...cssStates,
  ])
    assert.ok(description, name)
  for (const { name, type, return: answer } of [...members, ...events] as typeof members)
    assert.match((type ?? answer?.type)?.text ?? '', /^[\w<>[\]| ]+$/, name)
  for (const { name, type } of element.attributes) assert.match(type?.text ?? '', /^(string|boolean)$/, name)
})
