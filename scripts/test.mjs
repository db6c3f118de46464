// Runs the tests below a folder with node's own runner: node scripts/test.mjs FOLDER [--skip NAME]… [ARGUMENT]…
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { chromiumPath } from './chromium.mjs'

/** Most tests wait for sockets, processes and pages rather than for the processor. */
const AT_ONCE = 4

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { skip: { type: 'string', multiple: true, default: [] } },
})
const [folder = 'test', ...args] = positionals
const files = readdirSync(folder, { recursive: true })
  .map((name) => join(folder, name))
  .filter((name) => name.endsWith('.test.ts') && !values.skip.some((part) => name.split(sep).includes(part)))
  .sort()
if (files.length === 0) {
  console.error(`There are no tests below ${folder}.`)
  process.exit(1)
}
// Here, by one process: of files that run at once one would unpack the browser, and the others start half of it.
await chromiumPath()
const child = spawn(
  process.execPath,
  ['--import', 'tsx', '--test', '--test-reporter=spec', `--test-concurrency=${AT_ONCE}`, ...args, ...files],
  { stdio: 'inherit' },
)
child.on('exit', (code) => process.exit(code ?? 1))
