// What users read of the gateway's config, made from the rows of its schemas in src/gateway/config: the types in
// dist/gateway/config/types.d.ts, which the build writes, and the table of docs/GATEWAY.md, which `npm run api` writes.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { format, resolveConfig } from 'prettier'
import ts from 'typescript'
import { getDescription, safeParse } from 'valibot'
import { appSchema } from '../../dist/gateway/config/app.js'
import { configSchema } from '../../dist/gateway/config/schema.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = join(root, 'src/gateway/config')
const guide = join(root, 'docs/GATEWAY.md')

/** The rows of an object's schema. `hint` chooses between schemas that depend on a value. */
const entriesOf = (schema, hint) =>
  schema.entries ??
  (schema.getter ? entriesOf(schema.getter(hint), hint) : schema.wrapped && entriesOf(schema.wrapped, hint))

const defaultOf = (schema) => {
  if (!safeParse(schema, undefined).success) return 'required'
  const description = getDescription(schema)
  if (description !== undefined) return description
  return schema.default === undefined ? 'none' : `\`${JSON.stringify(schema.default)}\``
}

/** Returns the default of each key, as the table writes it. An object whose default is `{}` has no row. */
const defaultsIn = (schema, hint, prefix) =>
  Object.entries(entriesOf(schema, hint) ?? {}).flatMap(([key, field]) => {
    const path = `${prefix}${key}`
    const inner = defaultsIn(field, hint?.[key], `${path}.`)
    const value = defaultOf(field)
    return inner.length > 0 && value === '`{}`' ? inner : [[path, value], ...inner]
  })

/** Returns the defaults by the paths of the keys, in the order of the rows. */
const readDefaults = () => {
  const order = Object.keys(configSchema({}).entries)
  const config = (engine) => defaultsIn(configSchema({}), { engine }, '').filter(([key]) => key !== 'apps')
  const redis = { type: 'redis', tls: {} }
  // The embedded engine comes first, and its defaults hold: each of the others has a type that is required.
  const byKey = new Map([...config(), ...config(redis), ...config()])
  const place = ([key]) => order.indexOf(key.split('.')[0])
  const [test, production] = ['test', 'production'].map((environment) =>
    defaultsIn(appSchema({}), { environment }, '….'),
  )
  const apps = test.map(([key, value], index) => {
    const [, strict] = production[index]
    return [key, value === strict ? value : `${value} in test, ${strict} in production`]
  })
  return new Map([...[...byKey].toSorted((one, other) => place(one) - place(other)), ...apps])
}

/** Returns a docstring with the default of its key, which has no tag if the text says in words what happens without the key. */
const docstring = (text, value = 'none') => {
  const tag = /^(none|required)/.test(value) ? '' : `\n@default ${value.replaceAll('`', '')}`
  return text && `/**\n * ${`${text}${tag}`.replaceAll('\n', '\n * ')}\n */\n`
}

/** Returns src/gateway/config/types.ts with an interface in place of each type that is inferred, and the docstrings of the keys. */
const readRows = (defaults) => {
  const { options } = ts.getParsedCommandLineOfConfigFile(join(root, 'src/tsconfig.server.json'), {}, ts.sys)
  const program = ts.createProgram([join(folder, 'types.ts')], { ...options, noEmit: true })
  const checker = program.getTypeChecker()
  const [types, values] = ['types.ts', 'values.ts'].map((name) => program.getSourceFile(join(folder, name)))
  const inferred = types.statements.filter(
    (statement) => ts.isTypeAliasDeclaration(statement) && statement.type.getText().startsWith('InferInput<'),
  )
  const typeOf = ({ name }) => checker.getTypeAtLocation(name)
  const names = new Map(inferred.map((alias) => [typeOf(alias), alias.name.text]))
  const members = new Map()
  const docs = new Map()

  const typeText = (type, path) => {
    const name = names.get(type)
    if (name !== undefined) {
      if (!members.has(name)) members.set(name, membersText(type, path))
      return name
    }
    if (path === 'apps.') return `Record<string, ${typeText(type.getStringIndexType(), '….')}>`
    if (checker.isArrayType(type)) return `(${typeText(checker.getTypeArguments(type)[0], path)})[]`
    if (type.isUnion() && !type.aliasSymbol) return type.types.map((each) => typeText(each, path)).join(' | ')
    const [declaration] = type.getProperties()[0]?.declarations ?? []
    return declaration && ts.isObjectLiteralExpression(declaration.parent)
      ? `{${membersText(type, path)}}`
      : checker.typeToString(type, types, ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope)
  }

  const memberText = (property, path) => {
    const text = ts.displayPartsToString(property.getDocumentationComment(checker))
    if (text !== '') docs.set(path, text)
    const isOptional = property.flags & ts.SymbolFlags.Optional
    const type = checker.getTypeOfSymbol(property)
    const value = typeText(isOptional ? checker.getNonNullableType(type) : type, `${path}.`)
    return `${docstring(text, defaults.get(path))}${property.name}${isOptional ? `?: ${value} | undefined` : `: ${value}`}\n`
  }

  /** Returns the members of an interface in the order of their rows. */
  const membersText = (type, prefix) =>
    type
      .getProperties()
      .toSorted((one, other) => one.declarations[0].pos - other.declarations[0].pos)
      .map((property) => memberText(property, `${prefix}${property.name}`))
      .join('')

  typeText(typeOf(inferred[0]), '')
  for (const key of defaults.keys())
    if (!docs.has(key)) throw new Error(`The row of ${key} in src/gateway/config has no docstring.`)
  const statements = types.statements
    .filter((statement) => !ts.isImportDeclaration(statement))
    .map((statement) => {
      if (!inferred.includes(statement)) return statement.getFullText()
      const [comment] = ts.getJSDocCommentsAndTags(statement)
      const { text } = statement.name
      return `${comment?.getText() ?? ''}\nexport interface ${text} {\n${members.get(text)}}`
    })
  const text = statements.join('\n').replaceAll('false | true', 'boolean').replaceAll('never | ', '')
  const used = checker
    .getExportsOfModule(checker.getSymbolAtLocation(values))
    .filter(({ name }) => new RegExp(`\\b${name}\\b`).test(text))
  return { types: `import type { ${used.map(({ name }) => name)} } from './values.js'\n${text}`, docs }
}

const pretty = async (text, file) => format(text, { ...(await resolveConfig(file)), filepath: file })

/** Returns src/gateway/config/types.ts as the package has it. */
export const configTypes = () => pretty(readRows(readDefaults()).types, join(folder, 'types.ts'))

const TABLE = /^\| key +\| default .*\n(?:\|.*\n)+/m

/** Returns docs/GATEWAY.md with the table of the rows. */
export const configGuide = () => {
  const defaults = readDefaults()
  const { docs } = readRows(defaults)
  const rows = [...defaults].map(([key, value]) => {
    const name = key.replace('….environment', 'apps.ID.environment')
    return `| \`${name}\` | ${value} | ${docs.get(key).replaceAll('\n', ' ')} |\n`
  })
  const table = `| key | default | meaning |\n| - | - | - |\n${rows.join('')}`
  return pretty(
    readFileSync(guide, 'utf8').replace(TABLE, () => table),
    guide,
  )
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(guide, await configGuide())
