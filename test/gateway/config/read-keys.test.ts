import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const gateway = fileURLToPath(new URL('../../../src/gateway/', import.meta.url))
const files = readdirSync(gateway, { encoding: 'utf8', recursive: true }).filter((file) =>
  file.endsWith('.ts'),
)
const program = ts.createProgram(
  files.map((file) => join(gateway, file)),
  {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
  },
)
const checker = program.getTypeChecker()

const childrenOf = (node: ts.Node): ts.Node[] => {
  const children: ts.Node[] = []
  ts.forEachChild(node, (child) => void children.push(child))
  return children
}
const nodesIn = (node: ts.Node): ts.Node[] => [node, ...childrenOf(node).flatMap(nodesIn)]

/** Keys that are read by a text, as `take('requestsPerSecond')` does, or as members of a type that is not derived from the rows. */
const readOtherwise = [
  'connectionsPerAddress',
  'connectionsPerSecondPerAddress',
  'messages',
  'requestsPerSecond',
  'secrets',
  'signalsPerSecond',
]

/** Returns the member that an expression or a pattern reads. */
const memberRead = (node: ts.Node): ts.Symbol | undefined => {
  if (ts.isPropertyAccessExpression(node)) return checker.getSymbolAtLocation(node.name)
  if (!ts.isBindingElement(node) || !ts.isObjectBindingPattern(node.parent)) return undefined
  return checker.getTypeAtLocation(node.parent).getProperty((node.propertyName ?? node.name).getText())
}

test('each key of the config is read', () => {
  /** The rows of the schemas: only rows have docstrings. */
  const rows: ts.PropertyAssignment[] = []
  const read = new Set<ts.Node>()
  for (const file of program.getSourceFiles()) {
    const isConfig = file.fileName.includes('/src/gateway/config/')
    if (!file.fileName.includes('/src/')) continue
    for (const node of nodesIn(file)) {
      if (isConfig && ts.isPropertyAssignment(node) && ts.getJSDocCommentsAndTags(node).length > 0)
        rows.push(node)
      for (const declaration of memberRead(node)?.declarations ?? []) read.add(declaration)
    }
  }
  assert.ok(rows.length > 80)
  const unread = rows.filter((row) => !read.has(row)).map((row) => row.name.getText())
  assert.deepEqual([...new Set(unread)].sort(), readOtherwise)
})
