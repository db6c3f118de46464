// Runs tests with Node's own runner: node scripts/test.mjs FOLDER-OR-FILE… [--at-once N] [-- ARGUMENT…]
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { chromiumPath } from './chromium.mjs'
import { compile, compiledFolder } from './compile.mjs'
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

// One compilation of all files, because a compiler in each file's process would take longer than most tests.
const compiled = compiledFolder()
await compile({
  entryPoints: files,
  outdir: compiled,
  outbase: '.',
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
    // A file that hangs, as after a browser that answers no more, fails in place of the whole run.
    `--test-timeout=${15 * 60_000}`,
    `--test-concurrency=${values['at-once']}`,
    ...args,
    ...files.map((file) => join(relative('.', compiled), file.replace(/\.ts$/, '.mjs'))),
  ],
  { stdio: 'inherit' },
)
child.on('exit', (code) => process.exit(code ?? 1))
// Ctrl+C also stops the child. This process waits for its exit, and then deletes the compiled files.
process.on('SIGINT', () => undefined)
