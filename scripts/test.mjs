// Runs tests with Node's own runner: node scripts/test.mjs FOLDER-OR-FILE… [--at-once N] [-- ARGUMENT…]
import { spawn } from 'node:child_process'
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { chromiumPath } from './chromium.mjs'
import { testFiles } from './test-files.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    // More files than cores: most tests wait for sockets, processes and pages.
    'at-once': { type: 'string', default: '4' },
  },
})
const args = positionals.filter((text) => text.startsWith('-'))
const files = testFiles(positionals.filter((text) => !text.startsWith('-')))

/** Keeps `import.meta.url` of a compiled module at its source, and does not bundle `.mjs` files. */
const inPlace = {
  name: 'in place',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\..*\.mjs$/ }, ({ path, resolveDir }) => ({
      path: pathToFileURL(join(resolveDir, path)).href,
      external: true,
    }))
    onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(
        /\bimport\.meta\.url\b/g,
        JSON.stringify(pathToFileURL(path).href),
      ),
      loader: 'ts',
    }))
  },
}

// Compiles all files once, because a compiler in each file's process would take longer than most tests. Below node_modules, so
// that packages are found.
const cache = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url))
mkdirSync(cache, { recursive: true })
const compiled = mkdtempSync(join(cache, 'chat-session-tests-'))
process.on('exit', () => rmSync(compiled, { recursive: true, force: true }))
await build({
  entryPoints: files,
  outdir: compiled,
  outbase: '.',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: true,
  logLevel: 'warning',
  plugins: [inPlace],
})
// Unpacks the browser in one process. Otherwise a file could start the browser that another file is still unpacking.
await chromiumPath()
const child = spawn(
  process.execPath,
  [
    '--enable-source-maps',
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${values['at-once']}`,
    ...args,
    ...files.map((file) => join(relative('.', compiled), file.replace(/\.ts$/, '.mjs'))),
  ],
  { stdio: 'inherit' },
)
child.on('exit', (code) => process.exit(code ?? 1))
// Ctrl+C also stops the child. This process waits for its exit, and then deletes the compiled files.
process.on('SIGINT', () => undefined)
