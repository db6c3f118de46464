// Runs the fault tests whose gateways are processes of their own, with these gateways on Bun: node scripts/test-faults-bun.mjs
// The tests and their clients run on Node. It prints the files that it leaves out, and why.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { testFiles } from './test-files.mjs'

const IN_BROWSER = 'it tests pages in a browser, whose gateway runs in the process of the test'

/** The files that are left out, and why. */
const leftOut = {
  'test/system/faults/browser/bfcache.test.ts': IN_BROWSER,
  'test/system/faults/engine/crashes.test.ts': 'npm run test:bun runs it, with the engine on Bun',
  'test/system/faults/browser/freeze.test.ts': IN_BROWSER,
  'test/system/faults/browser/notifications-worker.test.ts': IN_BROWSER,
  'test/system/faults/browser/notifications.test.ts': IN_BROWSER,
  'test/system/faults/browser/prerender.test.ts': IN_BROWSER,
  'test/system/faults/leaks/session-leaks.test.ts': 'it counts what clients leave in their process, on Node',
}

/**
 * How often gateways are killed: fewer times than on Node. Many kills find what the engine does wrong in rare moments, and the engine is
 * the same; some find what LevelDB's binding and the sockets of another runtime do wrong.
 */
const fewer = { FAULT_KILLS: '30' }

const all = testFiles(['test/system/faults'])
for (const [file, why] of Object.entries(leftOut)) {
  if (!all.includes(file)) throw new Error(`There is no ${file}: take it off the list.`)
  console.log(`left out: ${file}: ${why}`)
}
const args = all.filter((file) => !Object.hasOwn(leftOut, file))
const child = spawn(process.execPath, [fileURLToPath(new URL('test.mjs', import.meta.url)), ...args], {
  stdio: 'inherit',
  env: { ...fewer, ...process.env, FAULT_RUNTIME: 'bun' },
})
child.on('exit', (code) => process.exit(code ?? 1))
// Ctrl+C also stops the child. This process waits for its exit.
process.on('SIGINT', () => undefined)
