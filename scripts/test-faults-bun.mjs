// Runs the fault tests whose gateways are processes of their own, with these gateways on Bun: node scripts/test-faults-bun.mjs
// The tests and their clients run on Node. It prints the files that it leaves out, and why.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const IN_BROWSER = 'it tests pages in a browser, whose gateway runs in the process of the test'

/** The files that are left out, and why. */
const leftOut = {
  'test/faults/bfcache.test.ts': IN_BROWSER,
  'test/faults/connection-leaks.test.ts':
    'its gateway runs in the process of the test; transport-leaks.test.ts counts on both runtimes',
  'test/faults/engine-crashes.test.ts': 'npm run test:bun runs it, with the engine on Bun',
  'test/faults/engine-model.test.ts': 'npm run test:bun runs it, with the engine on Bun',
  'test/faults/engine-kills.test.ts': 'npm run test:bun runs it, with the engine on Bun',
  'test/faults/freeze.test.ts': IN_BROWSER,
  'test/faults/notifications-worker.test.ts': IN_BROWSER,
  'test/faults/notifications.test.ts': IN_BROWSER,
  'test/faults/prerender.test.ts': IN_BROWSER,
  'test/faults/session-leaks.test.ts': 'it counts what clients leave in their process, on Node',
}

const args = ['test/faults']
for (const [file, why] of Object.entries(leftOut)) {
  if (!existsSync(file)) throw new Error(`There is no ${file}: take it off the list.`)
  console.log(`left out: ${file}: ${why}`)
  // `test.mjs` compares it with each part of a file's path.
  args.push('--skip', file.slice('test/faults/'.length))
}
const child = spawn(process.execPath, [fileURLToPath(new URL('test.mjs', import.meta.url)), ...args], {
  stdio: 'inherit',
  env: { ...process.env, FAULT_RUNTIME: 'bun' },
})
child.on('exit', (code) => process.exit(code ?? 1))
// Ctrl+C also stops the child. This process waits for its exit.
process.on('SIGINT', () => undefined)
