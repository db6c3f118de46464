// Writes test/system/package/public-api.txt: the types of every entry of the built package. The file's diff shows what users will notice.
//   npm run api
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../../', import.meta.url))
const dist = join(root, 'dist')
const file = join(root, 'test/system/package/public-api.txt')

const printer = ts.createPrinter({ removeComments: true })

const isPrivate = (node) =>
  (node.name && ts.isPrivateIdentifier(node.name)) ||
  (ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword))

/** A parameter that a function takes apart shows its type, and not which fields the function reads. */
const nameParameter = (node, { factory }) =>
  ts.isParameter(node) && ts.isObjectBindingPattern(node.name)
    ? factory.updateParameterDeclaration(
        node,
        node.modifiers,
        node.dotDotDotToken,
        'options',
        node.questionToken,
        node.type,
        node.initializer,
      )
    : node

/** Returns a declaration as text, without comments and private members. */
const print = (node, source) => {
  const visit = (context) => (each) =>
    isPrivate(each) ? undefined : ts.visitEachChild(nameParameter(each, context), visit(context), context)
  const { transformed } = ts.transform(node, [(context) => visit(context)])
  return printer.printNode(ts.EmitHint.Unspecified, transformed[0], source)
}

/** The statement that has a declaration: a variable's declaration is a part of one. */
const statementOf = (node) =>
  ts.isVariableDeclaration(node) ? node.parent.parent : ts.isSourceFile(node) ? undefined : node

/** Returns whether a statement adds to the global scope or to a module of another package. */
const isAugmentation = (node) =>
  ts.isModuleDeclaration(node) && (ts.isGlobalScopeAugmentation(node) || ts.isStringLiteral(node.name))

/**
 * Returns the names that each entry exports, and then the declaration of each. The types that a declaration mentions follow it, even if
 * no entry exports them.
 */
export const publicApi = () => {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const entries = Object.entries(exports).filter(([, { types }]) => types !== undefined)
  const program = ts.createProgram(
    entries.map(([, { types }]) => join(root, types)),
    { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, skipLibCheck: true, noEmit: true },
  )
  const checker = program.getTypeChecker()
  const isOurs = (source) => !relative(dist, source.fileName).startsWith('..')
  const targetOf = (symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol

  /** The declarations by their statements. */
  const shown = new Map()
  const show = (statement) => {
    const source = statement.getSourceFile()
    if (shown.has(statement) || !isOurs(source)) return
    shown.set(statement, { path: relative(dist, source.fileName), text: print(statement, source) })
    const mention = (node) => {
      if (isPrivate(node)) return
      const symbol = ts.isIdentifier(node) && checker.getSymbolAtLocation(node)
      for (const declaration of (symbol && targetOf(symbol).declarations) || []) {
        const mentioned = statementOf(declaration)
        if (mentioned && ts.isSourceFile(mentioned.parent)) show(mentioned)
      }
      ts.forEachChild(node, mention)
    }
    mention(statement)
  }

  const lists = entries.map(([entry, { types }]) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(join(root, types)))
    const symbols = module ? checker.getExportsOfModule(module) : []
    for (const declaration of symbols.flatMap((symbol) => targetOf(symbol).declarations ?? [])) {
      const statement = statementOf(declaration)
      if (statement) show(statement)
    }
    const names = symbols.map((symbol) => `  ${symbol.name}`).sort()
    return [join(name, entry), ...names].join('\n')
  })
  for (const source of program.getSourceFiles().filter(isOurs))
    for (const statement of source.statements) if (isAugmentation(statement)) show(statement)

  const byPath = new Map()
  for (const { path, text } of shown.values()) byPath.set(path, [...(byPath.get(path) ?? []), text])
  const declarations = [...byPath]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([path, texts]) => [`// ${path}`, ...texts.sort()].join('\n'))
  return `${[...lists, ...declarations].join('\n\n')}\n`
}

export const readPublicApi = () => readFileSync(file, 'utf8')

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(file, publicApi())
