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

/** Returns the events that calls of `#emit` or `emit` in a file name. */
const emittedIn = (source: ts.SourceFile): Set<string> => {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.arguments[0]) {
      const { expression } = node
      const called = ts.isPropertyAccessExpression(expression) ? expression.name : expression
      if (/^#?emit$/.test(called.getText(source)))
        for (const name of literalsOf(checker.getTypeAtLocation(node.arguments[0]))) names.add(name)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
}

test('each event of SessionEventDetails is dispatched', () => {
  const details = sourceOf('events.ts')
    .statements.filter(ts.isInterfaceDeclaration)
    .find(({ name }) => name.text === 'SessionEventDetails')
  const declared = checker.getTypeAtLocation(details ?? assert.fail()).getProperties()
  const emitted = ['session.ts', 'calls/calls.ts'].flatMap((name) => [...emittedIn(sourceOf(name))])
  assert.deepEqual([...new Set(emitted)].sort(), declared.map(({ name }) => name).sort())
})
