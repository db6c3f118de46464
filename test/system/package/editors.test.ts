import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { element, namesOf, packageJson, readJson, type Described, states, unreadElement } from './manifest.js'

interface HtmlData {
  version: number
  tags: (Described & { attributes: (Described & { valueSet?: string; values: Described[] })[] })[]
}
interface CssData {
  version: number
  pseudoClasses: Described[]
}
interface WebTypes {
  name: string
  version: string
  contributions: {
    html: {
      elements: (Described & {
        attributes: (Described & { value: { type: string } })[]
        events: Described[]
        js: { properties: Described[] }
        source: { module: string; symbol: string }
      })[]
    }
    css: { 'pseudo-classes': Described[] }
  }
}

const guide = await readFile(new URL('../../../docs/EDITORS.md', import.meta.url), 'utf8')
const [, settings = ''] = /```json\n(.*?)```/s.exec(guide) ?? []

/** The files that docs/EDITORS.md names for VS Code, by setting. */
const files = Object.fromEntries(
  Object.entries(JSON.parse(settings) as Record<string, string[]>).map(([setting, [path = '']]) => [
    setting,
    path.replace('./node_modules/chat-session/', ''),
  ]),
)

const booleans = element.attributes.filter(({ type }) => type?.text === 'boolean')

test('with the documented settings VS Code knows the tag and its attributes, and which of them take no value', async () => {
  const { version, tags } = await readJson<HtmlData>(files['html.customData'] ?? '')
  assert.equal(version, 1.1)
  assert.deepEqual(namesOf(tags), ['chat-session', 'chat-unread'])
  assert.deepEqual(namesOf(tags[1]?.attributes ?? []), namesOf(unreadElement.attributes))
  const { attributes = [], description = '' } = tags[0] ?? {}
  assert.deepEqual(namesOf(attributes), namesOf(element.attributes))
  assert.deepEqual(namesOf(attributes.filter(({ valueSet }) => valueSet === 'v')), namesOf(booleans))
  for (const { name } of element.events) assert.ok(description.includes(`**${name}**`), name)
  for (const { name, values, description = '' } of attributes) {
    assert.ok(description, name)
    assert.deepEqual(values, [], `${name} takes any text`)
  }
})

test('with the documented settings VS Code completes the states in CSS', async () => {
  const { version, pseudoClasses } = await readJson<CssData>(files['css.customData'] ?? '')
  assert.equal(version, 1.1)
  assert.deepEqual(namesOf(pseudoClasses), namesOf(states.map(({ name }) => ({ name: `:state(${name})` }))))
})

test('editors that look for web types find the tag, its attributes, properties, events and states', async () => {
  const { name, version, contributions } = await readJson<WebTypes>(packageJson['web-types'])
  assert.deepEqual([name, version], ['chat-session', packageJson.version])
  const [tag, ...others] = contributions.html.elements
  assert.ok(tag)
  assert.deepEqual(namesOf(others), ['chat-unread'])
  assert.equal(tag.name, 'chat-session')
  assert.deepEqual(namesOf(tag.attributes), namesOf(element.attributes))
  assert.deepEqual(namesOf(tag.attributes.filter(({ value }) => value.type === 'boolean')), namesOf(booleans))
  assert.deepEqual(namesOf(tag.events), namesOf(element.events))
  assert.deepEqual(
    namesOf(tag.js.properties),
    namesOf(element.members.filter(({ kind }) => kind === 'field')),
  )
  assert.deepEqual(
    namesOf(contributions.css['pseudo-classes']),
    namesOf(states.map((state) => ({ name: `state(${state.name})` }))),
  )
  const { module, symbol } = tag.source
  const source = (await import(new URL(`../../../${module}`, import.meta.url).href)) as Record<
    string,
    unknown
  >
  assert.ok(source[symbol], 'the editor can go to the definition of the element')
})
