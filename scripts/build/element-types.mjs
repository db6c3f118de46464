// Reads the element from the compiler: its tag, and the types and descriptions of its properties, events and states.
import ts from 'typescript'

const printed = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseSingleQuotesForStringLiteralType

const programOf = (files) => {
  const { config } = ts.readConfigFile('src/tsconfig.browser.json', ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, 'src')
  return ts.createProgram(files, { ...options, composite: false, noEmit: true })
}

/** Returns every node below `node` for which `is` returns true. */
const all = (node, is) => {
  const found = []
  const visit = (child) => {
    if (is(child)) found.push(child)
    ts.forEachChild(child, visit)
  }
  visit(node)
  return found
}

/** Returns the only item of `found`. Throws if there are none or several. */
const only = (what, found) => {
  if (found.length !== 1) throw new Error(`Expected one ${what} and found ${found.length}.`)
  return found[0]
}

export const elementTypes = (files) => {
  const program = programOf(files)
  const checker = program.getTypeChecker()
  const sources = program.getSourceFiles().filter(({ fileName }) => fileName.includes('src/element/'))
  const nodes = (is) => sources.flatMap((source) => all(source, is))
  const text = (type) => checker.typeToString(type, undefined, printed)
  const typeOf = (symbol) => checker.getTypeOfSymbol(symbol)
  /** Returns the type as it is written in the source, or as the compiler resolves it if it is a look-up in another type. */
  const typeText = (symbol) => {
    const written = symbol.valueDeclaration?.type
    return written && !all(written, ts.isIndexedAccessTypeNode).length
      ? written.getText()
      : text(typeOf(symbol))
  }
  const description = (symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker))

  const globals = checker.getSymbolsInScope(program.getSourceFile(files[0]), ts.SymbolFlags.Interface)
  /** Returns the members that this project adds to an interface of the DOM or to its base interfaces. */
  const declared = (name) =>
    checker
      .getPropertiesOfType(checker.getDeclaredTypeOfSymbol(globals.find((symbol) => symbol.name === name)))
      .filter(({ declarations }) => declarations.some((node) => sources.includes(node.getSourceFile())))

  // The other tag has no properties and no events, so the analyzer finds all that there is.
  const tag = only(
    'tag',
    declared('HTMLElementTagNameMap').filter(({ name }) => name === 'chat-session'),
  )
  const className = text(typeOf(tag))
  const members = checker.getPropertiesOfType(typeOf(tag))
  const member = (name) => members.find((symbol) => symbol.name === name)

  const eventOf = (symbol) => {
    const type = typeOf(symbol)
    const detail = type.getProperty('detail')
    const fields = detail && checker.getPropertiesOfType(typeOf(detail))
    const shape = fields?.map((field) => `${field.name}: ${typeText(field)}`).join('; ')
    return {
      name: symbol.name,
      type: text(type),
      description: [description(type.symbol), shape && `\`detail\`: \`{ ${shape} }\``]
        .filter(Boolean)
        .join(' '),
    }
  }

  const profile = only(
    'table of profile attributes',
    nodes((node) => ts.isVariableDeclaration(node) && node.name.getText() === 'profileAttributes'),
  )
  const attributes = checker.getPropertiesOfType(checker.getTypeAtLocation(profile.name)).map((symbol) => ({
    name: symbol.name,
    type: { text: 'string' },
    description: `The user's \`${typeOf(symbol).value}\`; it wins over that field of the property \`user\`.`,
    fieldName: 'user',
  }))

  const stateNamed = (name) => ({
    name,
    description: member(name) ? `While \`${name}\` is truthy.` : `While \`state\` is \`${name}\`.`,
  })
  const states = nodes(
    (node) => ts.isCallExpression(node) && /\bstates\??\.add$/.test(node.expression.getText()),
  )
    .map((call) => checker.getTypeAtLocation(call.arguments[0]))
    .flatMap((type) => (type.isUnion() ? type.types : [type]))
    .map((type) => stateNamed(type.value))

  return {
    tagName: tag.name,
    className,
    types: Object.fromEntries(members.map((symbol) => [symbol.name, typeText(symbol)])),
    attributes,
    events: declared('HTMLElementEventMap').map(eventOf),
    states,
  }
}
