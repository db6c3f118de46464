import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ESLint } from 'eslint'
import ts from 'typescript'
import { forbidden, pathInSrc, moduleOf, modules, withoutNode } from '../../../scripts/modules.mjs'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Every module of src/ with its imports, those of types included. */
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => {
    const file = join(root, 'src', name)
    const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'))
    return { name, file, imports: importedFiles.map(({ fileName }) => fileName) }
  })

test('every import in src/ follows an arrow of the table', () => {
  const wrong = sources.flatMap(({ name, file, imports }) =>
    imports.flatMap((specifier) => {
      const why = forbidden(file, specifier)
      return why === undefined ? [] : [`${name} imports ${specifier}: ${why}`]
    }),
  )
  assert.deepEqual(wrong, [])
})

test('every row of the table covers a file, and names rows that exist', () => {
  const used = new Set(sources.map(({ file }) => moduleOf(pathInSrc(file) ?? '')))
  for (const [module, allowed] of Object.entries(modules)) {
    assert.ok(used.has(module), `no file is in ${module}`)
    for (const other of allowed) assert.ok(moduleOf(other), `${module} may import ${other}, which has no row`)
  }
})

test('every arrow of the table points one way', () => {
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    (modules[from] ?? []).some(
      (next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))),
    )
  for (const module of Object.keys(modules)) assert.ok(!reaches(module, module), `${module} reaches itself`)
})

test('no file of src/ imports itself through others', () => {
  const imports = new Map(
    sources.map(({ file, imports }) => [
      pathInSrc(file),
      imports.filter((name) => name.startsWith('.')).map((name) => pathInSrc(join(dirname(file), name))),
    ]),
  )
  const known = new Set<string | undefined>()
  /** Returns the files from `file` back to itself; undefined if none of its imports leads back. */
  const circleOf = (file: string | undefined, path: (string | undefined)[]): string | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file].join(' → ')
    if (known.has(file)) return undefined
    const circles = (imports.get(file) ?? []).map((next) => circleOf(next, [...path, file]))
    known.add(file)
    return circles.find((circle) => circle !== undefined)
  }
  const circles = [...imports.keys()].flatMap((file) => circleOf(file, []) ?? [])
  assert.deepEqual(circles, [])
})

/** The names of the classes that a file declares. */
const classesOf = (file: string): string[] => {
  const names: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isClassLike(node) && node.name) names.push(node.name.text)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022))
  return names
}

test('no two classes of src/ have the same name', () => {
  const filesOf = new Map<string, string[]>()
  for (const { name, file } of sources)
    for (const its of classesOf(file)) filesOf.set(its, [...(filesOf.get(its) ?? []), name])
  assert.ok(filesOf.size > 100)
  assert.deepEqual(
    [...filesOf].filter(([, files]) => files.length > 1),
    [],
  )
})

test('the picture of the modules in ARCHITECTURE.md is drawn from the imports of today', () => {
  const { stderr, status } = spawnSync(process.execPath, ['scripts/build/modules-picture.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
})

/** Returns ESLint's messages for `line` in a new file of `folder`, without rules that need types. */
const problems = async (folder: string, line: string): Promise<string[]> => {
  const eslint = new ESLint({
    cwd: root,
    overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
    ruleFilter: ({ ruleId }) => ruleId === 'modules/imports',
  })
  const filePath = join(root, 'src', folder, 'new-file.ts')
  const [result] = await eslint.lintText(`${line}\n`, { filePath })
  return result?.messages.map(({ message }) => message) ?? []
}

const lines: [folder: string, line: string, problem: RegExp | null][] = [
  ['session', "import { VERSION } from '../protocol/index.js'", null],
  ['session', "import '../element/define.js'", /^session\/ may import session\/calls, /],
  ['session', "export * from '../protocol/codec.js'", /^protocol\/ is entered by index, internal\.$/],
  ['session/machine', "import '../session.js'", /^session\/machine may import protocol\.$/],
  ['protocol', "import '../session/index.js'", /^protocol\/ may import no other module\.$/],
  ['element', "import '../protocol/index.js'", /^element\/ may import/],
  ['tokens', "import '../engine/index.js'", /^tokens\/ may import protocol\.$/],
  ['engine/exclusive', "import '../memory/memory-engine.js'", /^engine\/exclusive may import/],
  ['engine/memory', "import '../exclusive/store/store.js'", null],
  ['gateway/sessions', "import '../../util/multimap.js'", null],
  ['util', "import '../protocol/index.js'", /^util\/ may import no other module\.$/],
  ['tokens', "import '../util/hash.js'", /^tokens\/ may import protocol\.$/],
  ['gateway/limits', "import '../config/parse.js'", /^gateway\/limits may import/],
  ['gateway/sessions', "import '../connection/connection.js'", /^gateway\/sessions may import/],
  ['gateway/http', "await import('../gateway.js')", /^Only gateway\/index imports gateway\/gateway\.$/],
  ['gateway', "import '../../../scripts/test.mjs'", /^src\/ imports nothing outside src\//],
  ['cli', "import '../session/index.js'", /^cli\/ may import/],
  ['attic', 'export {}', null],
  ['attic', "import '../protocol/index.js'", /^scripts\/modules\.mjs has no row for src\/attic\/new-file\.$/],
  ...withoutNode.map((module): [string, string, RegExp] => [
    module === 'pages' ? 'pages/playground' : module,
    "import 'node:fs'",
    /must run without Node\.$/,
  ]),
  ['gateway', "import 'node:fs'", null],
]

for (const [folder, line, problem] of lines)
  test(`lint ${problem ? 'refuses' : 'takes'} \`${line}\` in ${folder}/`, async () => {
    const found = await problems(folder, line)
    if (problem) assert.match(found.join('\n'), problem)
    else assert.deepEqual(found, [])
  })

/** Returns the type check's errors for `source` in a new file of a module. */
const typeErrors = (project: string, module: string, source: string): string[] => {
  const configFile = join(root, project)
  const { config } = ts.readConfigFile(configFile, (path) => ts.sys.readFile(path)) as { config: unknown }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(configFile))
  const file = join(root, 'src', module, 'new-file.ts')
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

const scopes: [project: string, module: string, known: string, unknown: string[]][] = [
  ['src/tsconfig.server.json', 'gateway', 'process.pid', ['document', 'HTMLElement']],
  ['src/tsconfig.browser.json', 'session', 'document', ['process', 'Buffer']],
  ['src/protocol/tsconfig.json', 'protocol', 'Math.PI', ['document', 'process']],
]

for (const [project, module, known, unknown] of scopes)
  test(`the type check of ${module}/ knows ${known} and neither of ${unknown.join(', ')}`, () => {
    assert.deepEqual(typeErrors(project, module, `export const value = ${known}\n`), [])
    for (const name of unknown)
      assert.match(
        typeErrors(project, module, `export const value = ${name}\n`).join('\n'),
        /Cannot find name/,
        name,
      )
  })
