// Writes dist/custom-elements.json: what the analyzer reads in src/element, and what only the types tell.
import { readFile, writeFile } from 'node:fs/promises'
import { create, ts as analyzerTs } from '@custom-elements-manifest/analyzer'
import { litPlugin } from '@custom-elements-manifest/analyzer/src/features/framework-plugins/lit/lit.js'
import { elementTypes } from './element-types.mjs'

/** What is public of src/element. */
const sources = ['chat-session', 'define', 'events'].map((name) => `src/element/${name}.ts`)

/** Where a source file's module is published. */
const published = (path) => path.replace(/^src\//, 'dist/').replace(/\.ts$/, '.js')

/** What pages and editors can use of an element. */
const isPublic = ({ name, privacy = 'public', static: ofClass }) =>
  privacy === 'public' && !ofClass && !name.startsWith('#') && !name.endsWith('Callback')

const analyze = async () => {
  const modules = await Promise.all(
    sources.map(async (path) =>
      analyzerTs.createSourceFile(path, await readFile(path, 'utf8'), analyzerTs.ScriptTarget.ES2022, true),
    ),
  )
  return create({ modules, plugins: litPlugin() })
}

/** Has a module say only what it exports, under the addresses that are published. */
const publish = (module) => {
  module.path = published(module.path)
  for (const { declaration } of module.exports) declaration.module &&= published(declaration.module)
  const exported = new Set(module.exports.map(({ declaration }) => declaration.name))
  module.declarations = module.declarations.filter(({ name }) => exported.has(name))
}

/** Adds to the element's class what the analyzer can't see. */
const complete = (element, { tagName, types, attributes, events, states }, modules) => {
  const moduleOf = (name) =>
    modules.find(({ declarations }) => declarations.some((declaration) => declaration.name === name))?.path
  element.members = element.members.filter(isPublic)
  for (const member of element.members)
    if (member.kind === 'field') member.type = { text: types[member.name] }
  // Attributes are text, whatever else the property takes.
  for (const attribute of element.attributes)
    attribute.type = { text: /\bboolean\b/.test(types[attribute.fieldName]) ? 'boolean' : 'string' }
  element.attributes.push(...attributes)
  element.events = events.map(({ name, description, type }) => {
    const module = moduleOf(type)
    const references = module && [{ name: type, module }]
    return { name, description, type: { text: type, ...(references && { references }) } }
  })
  element.cssStates = states
  Object.assign(element, { tagName, customElement: true })
}

// What the analyzer writes is of a later version of the format than it says: custom states came with this one.
const manifest = { ...(await analyze()), schemaVersion: '2.1.0' }
const types = elementTypes(sources)
manifest.modules.forEach(publish)
const [{ declarations: elements, path }, { exports: definitions }] = manifest.modules
complete(
  elements.find(({ name }) => name === types.className),
  types,
  manifest.modules,
)
definitions.push({
  kind: 'custom-element-definition',
  name: types.tagName,
  declaration: { name: types.className, module: path },
})
await writeFile('dist/custom-elements.json', `${JSON.stringify(manifest, null, 2)}\n`)
