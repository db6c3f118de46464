// The published types, compiled as an app compiles them: with strict settings, and with checks of the types themselves.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import ts from 'typescript'
import { root } from './packed.js'

/** Returns what the compiler says of an app's `source`, and of the types of this package that it imports. */
const problemsOf = (source: string, libs: readonly string[], types: readonly string[]): string[] => {
  // A module in the package's own folder imports the package by its name. The file is in memory only.
  const file = join(root, 'app.mts')
  const options: ts.CompilerOptions = {
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
    ...{ noEmit: true, skipLibCheck: false, verbatimModuleSyntax: true },
    ...{ module: ts.ModuleKind.Node16, target: ts.ScriptTarget.ES2022 },
    lib: libs.map((lib) => `lib.${lib}.d.ts`),
    types: [...types],
    configFilePath: join(root, 'app.json'),
  }
  const host = ts.createCompilerHost(options)
  const readFile = host.readFile.bind(host)
  const fileExists = host.fileExists.bind(host)
  const getSourceFile = host.getSourceFile.bind(host)
  host.fileExists = (path) => path === file || fileExists(path)
  host.readFile = (path) => (path === file ? source : readFile(path))
  host.getSourceFile = (path, ...rest) =>
    path === file
      ? ts.createSourceFile(path, source, ts.ScriptTarget.ES2022, true)
      : getSourceFile(path, ...rest)
  const program = ts.createProgram([file], options, host)
  const isOurs = (path: string): boolean => path === file || path.startsWith(join(root, 'dist/'))
  assert.ok(program.getSourceFiles().filter(({ fileName }) => isOurs(fileName)).length > 1)
  return ts
    .getPreEmitDiagnostics(program)
    .filter((each) => !each.file || isOurs(each.file.fileName))
    .map((each) => `${each.file?.fileName}: ${ts.flattenDiagnosticMessageText(each.messageText, '\n')}`)
}

const withWebSocketOf = (start: string): string => `${start}
  import { ChatSession } from 'chat-session'
  const session = new ChatSession({ endpoint: 'https://x', appId: 'a', token: 't', WebSocket })
  session.addEventListener('state', ({ detail }) => detail.state.toUpperCase(), { once: true })
  export const { succeeded } = await session.start()`

test('ChatSession takes the WebSocket of the package `ws`, and that of the browser', () => {
  for (const start of ["import { WebSocket } from 'ws'", ''])
    assert.deepEqual(problemsOf(withWebSocketOf(start), ['es2023', 'dom'], ['node']), [])
})

test('a program for Node, without the types of the DOM, compiles with the types of every entry for servers', () => {
  const source = `
    export * as session from 'chat-session'
    export * as tokens from 'chat-session/tokens'
    export * as rest from 'chat-session/rest'
    export * as gateway from 'chat-session/gateway'
    export * as engine from 'chat-session/engine'
    export * as suite from 'chat-session/engine/suite'
    ${withWebSocketOf("import { WebSocket } from 'ws'")}`
  assert.deepEqual(problemsOf(source, ['es2023'], ['node']), [])
})
