// Compiles the scripts of the Redis engine to Lua, with what they import of src/engine: one library of Redis Functions.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const engine = join(root, 'src/engine')
const folder = join(engine, 'redis/scripts')
const library = join(engine, 'redis/library.lua')

/** What the scripts use of Lua and Redis. */
const GLOBALS = [
  ...['cjson', 'cmsgpack', 'error', 'ipairs', 'math', 'next', 'pairs', 'pcall', 'select', 'setmetatable'],
  ...['string', 'table', 'tonumber', 'tostring', 'type', 'unpack'],
]

const require = createRequire(import.meta.url)

/** Finds the TypeScript of a module that is imported by the name of its JavaScript. */
const moduleResolution = (name, from) =>
  name.startsWith('.') ? resolve(dirname(from), name.replace(/\.js$/, '.ts')) : undefined

/** Returns the operands of a concatenation, from left to right. */
const operandsOf = (tstl, expression) => {
  if (tstl.isParenthesizedExpression(expression)) return operandsOf(tstl, expression.expression)
  return tstl.isBinaryExpression(expression) && expression.operator === tstl.SyntaxKind.ConcatOperator
    ? [...operandsOf(tstl, expression.left), ...operandsOf(tstl, expression.right)]
    : [expression]
}

/** Makes the scripts faster, because Lua itself optimizes nothing. `bench/redis-engine.mjs` measures them. */
const plugin = (ts, tstl) => {
  /** Lua makes one text of all operands only if they are grouped from the right, as in `a .. (b .. c)`. Else it makes a text for each `..`. */
  const join = (node, context) => {
    const expression = context.superTransformExpression(node)
    return operandsOf(tstl, expression).reduceRight((right, left) =>
      tstl.createBinaryExpression(left, right, tstl.SyntaxKind.ConcatOperator),
    )
  }
  /** Writes the value of an entry of a table of names, such as `USER.createdAt`: a constant is faster than a look into a table. */
  const inline = (node, context) => {
    const isOfTable = ts.isIdentifier(node.expression) && /^[A-Z]+$/.test(node.expression.text)
    const value = isOfTable ? context.checker.getTypeAtLocation(node) : undefined
    return value?.isStringLiteral()
      ? tstl.createStringLiteral(value.value)
      : context.superTransformExpression(node)
  }
  return {
    moduleResolution,
    visitors: {
      [ts.SyntaxKind.TemplateExpression]: join,
      [ts.SyntaxKind.BinaryExpression]: join,
      [ts.SyntaxKind.PropertyAccessExpression]: inline,
    },
  }
}

/** Returns the source files that a file needs when it runs: those that it imports for more than their types, and so on. */
const filesOf = (ts, program, entry) => {
  const found = new Set()
  const visit = (path) => {
    const file = program.getSourceFile(path)
    if (!file || found.has(file)) return
    found.add(file)
    for (const statement of file.statements)
      if (ts.isImportDeclaration(statement) && !statement.importClause?.isTypeOnly)
        visit(moduleResolution(statement.moduleSpecifier.text, path))
  }
  visit(entry)
  return [...found]
}

/** Returns the Lua of a TypeScript file and of all that it imports. Throws if a file has errors, or what Lua has not. */
export const compileLibrary = async ({ entry }) => {
  // A process that finds the library made does not load the compilers.
  const ts = require('typescript')
  const tstl = require('typescript-to-lua')
  const { config } = ts.readConfigFile(join(folder, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, references: [] }, ts.sys, folder)
  const program = ts.createProgram([entry, join(folder, 'redis.d.ts')], {
    ...options,
    ...{ composite: false, incremental: false, emitDeclarationOnly: false, declaration: false },
    ...{ verbatimModuleSyntax: false, isolatedModules: false, removeComments: true },
    ...{ tsBuildInfoFile: undefined, outDir: undefined, rootDir: root },
    ...{ luaTarget: tstl.LuaTarget.Lua51, luaLibImport: tstl.LuaLibImportKind.RequireMinimal },
    ...{ luaBundle: 'library.lua', luaBundleEntry: entry, noHeader: true, noImplicitSelf: true },
  })
  const files = filesOf(ts, program, entry)
  let lua = ''
  const { diagnostics } = new tstl.Transpiler().emit({
    program,
    sourceFiles: files,
    plugins: [plugin(ts, tstl)],
    writeFile: (_path, text) => (lua = text),
  })
  // The compiler goes by the types: it counts the items of what it knows to be a list from 1.
  const errors = [...files.flatMap((file) => program.getSemanticDiagnostics(file)), ...diagnostics]
  if (errors.length > 0)
    throw new Error(
      ts.formatDiagnostics(errors, {
        ...{ getCanonicalFileName: (name) => name, getCurrentDirectory: () => root, getNewLine: () => '\n' },
      }),
    )
  // Redis lets no script read a global name that does not exist, and the bundle looks for a `require` before its own. Lua finds a local
  // faster than a global name, and much faster than one of Redis.
  const names = GLOBALS.join(',')
  // An install is smaller without the indentation. No text of a script has a line break.
  const short = lua.replaceAll('redis.call(', 'redis_call(').replace(/^ +/gm, '')
  return `local require\nlocal redis_call,${names}=redis.call,${names}\n${short}`
}

/** Returns a digest of all that the library is made of. */
const digestOfSources = () => {
  const hash = createHash('sha256')
  const files = ['redis', 'decide'].flatMap((name) =>
    readdirSync(join(engine, name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name)),
  )
  for (const file of [...files, join(engine, 'rules.ts'), fileURLToPath(import.meta.url)].sort())
    hash.update(file.slice(root.length)).update(readFileSync(file))
  return hash.digest('hex')
}

/** Writes `library.lua` beside `script.ts`, unless it is there and its sources have not changed since. Returns its path. */
export const buildLibrary = async () => {
  const first = `-- ${digestOfSources()}\n`
  try {
    if (readFileSync(library, 'utf8').startsWith(first)) return library
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
  const lua = await compileLibrary({ entry: join(folder, 'library.ts') })
  // Another process may read the file at the same time.
  const draft = `${library}.${process.pid}`
  writeFileSync(draft, first + lua)
  renameSync(draft, library)
  return library
}
