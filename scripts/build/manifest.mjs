// Writes dist/custom-elements.json from the analyzer's result for src/element and from the compiler's types.
import { readFile, writeFile } from 'node:fs/promises'
import { create, ts as analyzerTs } from '@custom-elements-manifest/analyzer'
import { litPlugin } from '@custom-elements-manifest/analyzer/src/features/framework-plugins/lit/lit.js'
import { elementTypes } from './element-types.mjs'

/** The public modules of src/element. */
const sources = ['chat-session', 'define', 'events/events', 'chat-unread', 'define-unread'].map(
  (name) => `src/element/${name}.ts`,
)

/** Returns the published path of a source file. */
const published = (path) => path.replace(/^src\//, 'dist/').replace(/\.ts$/, '.js')

/** Whether pages and editors can use a member. */
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

/** Removes the declarations that a module does not export, and replaces source paths by published paths. */
const publish = (module) => {
  module.path = published(module.path)
  for (const { declaration } of module.exports) declaration.module &&= published(declaration.module)
  const exported = new Set(module.exports.map(({ declaration }) => declaration.name))
  module.declarations = module.declarations.filter(({ name }) => exported.has(name))
}

/** Adds the data that the analyzer can't find to the element's class. */
const complete = (element, { tagName, types, attributes, events, states }, modules) => {
  const moduleOf = (name) =>
    modules.find(({ declarations }) => declarations.some((declaration) => declaration.name === name))?.path
  element.members = element.members.filter(isPublic)
  for (const member of element.members)
    if (member.kind === 'field') member.type = { text: types[member.name] }
  // An attribute is text or boolean, even if the property accepts more types.
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

// The analyzer writes an older version, but custom states need 2.1.0.
const manifest = { ...(await analyze()), schemaVersion: '2.1.0' }
const types = elementTypes(sources)
manifest.modules.forEach(publish)
const [
  { declarations: elements, path },
  { exports: definitions },
  ,
  { declarations: unreadElements, path: unreadPath },
  { exports: unreadDefinitions },
] = manifest.modules
complete(
  elements.find(({ name }) => name === types.className),
  types,
  manifest.modules,
)
const define = (tagName, className, module, exports) =>
  exports.push({
    kind: 'custom-element-definition',
    name: tagName,
    declaration: { name: className, module },
  })
define(types.tagName, types.className, path, definitions)
const [unread] = unreadElements
// The base class has another name in the source, because servers have no HTMLElement.
unread.superclass = { name: 'HTMLElement' }
unread.members = (unread.members ?? []).filter(isPublic)
define(unread.tagName, unread.name, unreadPath, unreadDefinitions)
await writeFile('dist/custom-elements.json', `${JSON.stringify(manifest)}\n`)
