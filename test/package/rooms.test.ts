import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ESLint } from 'eslint'
import ts from 'typescript'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The rules that a line in a file of `room` breaks. The file need not be there: types are not asked for. */
const broken = async (room: string, line: string): Promise<string[]> => {
  const eslint = new ESLint({
    cwd: root,
    overrideConfig: { languageOptions: { parserOptions: { project: null } } },
    ruleFilter: ({ ruleId }) => ruleId === 'no-restricted-imports',
  })
  const [result] = await eslint.lintText(`${line}\n`, { filePath: join(root, 'src', room, 'new-file.ts') })
  return result?.messages.map(({ ruleId, message }) => ruleId ?? message) ?? []
}

const arrows: [room: string, allowed: string[], forbidden: string[]][] = [
  ['protocol', [], ['session', 'tokens', 'gateway']],
  ['session', ['protocol'], ['element', 'gateway', 'tokens']],
  ['element', ['session'], ['gateway', 'tokens', 'protocol']],
  ['typings', ['element', 'session'], ['gateway', 'tokens', 'protocol']],
  ['tokens', ['protocol'], ['engine', 'session']],
  ['engine', ['protocol'], ['gateway', 'tokens']],
  ['gateway', ['engine', 'tokens', 'protocol'], ['session', 'element', 'cli']],
  ['cli', ['gateway', 'tokens'], ['session', 'element']],
]

for (const [room, allowed, forbidden] of arrows)
  test(`lint lets ${room}/ import ${allowed.join(', ') || 'no other room'} and stops it from ${forbidden.join(', ')}`, async () => {
    for (const other of allowed)
      assert.deepEqual(await broken(room, `import '../${other}/index.js'`), [], other)
    for (const other of forbidden)
      assert.deepEqual(await broken(room, `import '../${other}/index.js'`), ['no-restricted-imports'], other)
  })

for (const room of ['protocol', 'session', 'element', 'typings', 'tokens'])
  test(`lint stops ${room}/ from importing Node`, async () => {
    assert.deepEqual(await broken(room, "import 'node:fs'"), ['no-restricted-imports'])
  })

/** What the type check of a room's project says of `source` in a new file there. */
const typeErrors = (project: string, room: string, source: string): string[] => {
  const configFile = join(root, project)
  const { config } = ts.readConfigFile(configFile, (path) => ts.sys.readFile(path)) as { config: unknown }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(configFile))
  const file = join(root, 'src', room, 'new-file.ts')
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists } = host
  host.fileExists = (name) => name === file || fileExists(name)
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest)
  const program = ts.createProgram([file], { ...options, noEmit: true, composite: false }, host)
  return program
    .getSemanticDiagnostics(program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

const scopes: [project: string, room: string, known: string, unknown: string[]][] = [
  ['src/tsconfig.server.json', 'gateway', 'process.pid', ['document', 'HTMLElement']],
  ['src/tsconfig.browser.json', 'session', 'document', ['process', 'Buffer']],
  ['src/protocol/tsconfig.json', 'protocol', 'Math.PI', ['document', 'process']],
]

for (const [project, room, known, unknown] of scopes)
  test(`the type check of ${room}/ knows ${known} and neither of ${unknown.join(', ')}`, () => {
    assert.deepEqual(typeErrors(project, room, `export const value = ${known}\n`), [])
    for (const name of unknown)
      assert.match(
        typeErrors(project, room, `export const value = ${name}\n`).join('\n'),
        /Cannot find name/,
        name,
      )
  })
