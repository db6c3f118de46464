// Runs tests, and those of the element, on the versions of Node that are supported besides the one that runs this, each from npm:
// node scripts/test-nodes.mjs FOLDER-OR-FILE…
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const VERSIONS = ['22', '24', 'latest']

/** Runs a script on a version of Node. Resolves with whether it ended well. */
const run = async (version, ...args) => {
  const child = spawn('npm', ['exec', '--yes', `--package=node@${version}`, '--', 'node', ...args], {
    stdio: 'inherit',
  })
  const [code] = await once(child, 'exit')
  return code === 0
}

let failed = 0
for (const version of VERSIONS) {
  console.log(`\nNode ${version}`)
  const isGood = await run(version, 'scripts/test.mjs', ...process.argv.slice(2))
  // Node serves the element's modules to the browser, and the gateways that its tests talk to.
  if ((await run(version, 'node_modules/@web/test-runner/dist/bin.js')) && isGood) continue
  failed++
  console.error(`Tests failed on Node ${version}.`)
}
process.exit(failed > 0 ? 1 : 0)
