// Each event that a session promises is dispatched somewhere: the compiler checks only the detail of those that are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const pathOf = (name: string): string => fileURLToPath(new URL(`../../src/session/${name}`, import.meta.url))

const program = ts.createProgram([pathOf('session.ts')], {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
})
const checker = program.getTypeChecker()
const sourceOf = (name: string): ts.SourceFile => program.getSourceFile(pathOf(name)) ?? assert.fail(name)

/** The names in a type of text literals. */
const literalsOf = (type: ts.Type): string[] =>
  (type.isUnion() ? type.types : [type]).map((part) =>
    part.isStringLiteral() ? part.value : 'not a literal',
  )

/** Returns the type of the events that `node` makes; undefined if it makes none. */
const typeMadeBy = (node: ts.Node, source: ts.SourceFile): ts.Node | undefined => {
  if (ts.isCallExpression(node)) {
    const { expression } = node
    const called = ts.isPropertyAccessExpression(expression) ? expression.name : expression
    return /^#?emit$/.test(called.getText(source)) ? node.arguments[0] : undefined
  }
  const type = ts.isNewExpression(node) ? node.arguments?.[0] : undefined
  return type && ts.isStringLiteral(type) ? type : undefined
}

/** Returns the events that a file emits, or makes with a name. */
const emittedIn = (source: ts.SourceFile, declared: string[]): string[] => {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    const type = typeMadeBy(node, source)
    if (type) for (const name of literalsOf(checker.getTypeAtLocation(type))) names.add(name)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return [...names].filter((name) => declared.includes(name))
}

test('each event of SessionEventDetails is dispatched', () => {
  const details = sourceOf('events.ts')
    .statements.filter(ts.isInterfaceDeclaration)
    .find(({ name }) => name.text === 'SessionEventDetails')
  const properties = checker.getTypeAtLocation(details ?? assert.fail()).getProperties()
  const declared = properties.map(({ name }) => name).sort()
  const emitted = ['session.ts', 'calls/calls.ts'].flatMap((name) => emittedIn(sourceOf(name), declared))
  assert.deepEqual([...new Set(emitted)].sort(), declared)
})
